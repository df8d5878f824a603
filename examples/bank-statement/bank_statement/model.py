"""What a statement says, as plain immutable records; amounts are signed, credits positive."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """One stated balance; `kind` is the ISO code (OPBD, CLBD, PRCD, ITBD, CLAV, ...)."""

    kind: str
    amount: Decimal
    currency: str
    date: str


@dataclass(frozen=True, slots=True)
class Total:
    """A stated count and sum of entries; either may be left out by the bank."""

    count: int | None
    sum: Decimal | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The bank's own totals (TxsSummry); sums are unsigned, `net` is signed where its direction is stated."""

    entries: Total
    credits: Total
    debits: Total
    net: Decimal | None
    net_signed: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge, negative when the account holder pays; `included` is None where the bank does not say."""

    amount: Decimal
    currency: str
    included: bool | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """An amount in another currency than the account's, unsigned, and the stated exchange rate if any."""

    amount: Decimal | None = None
    currency: str = ""
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """One transaction inside an entry; `amount` is None when no amount in the account currency is given.

    `net` tells that the amount comes from the transaction's own Amt and not from amounts before exchange.
    """

    amount: Decimal | None
    net: bool
    name: str
    account: str
    bank: str
    variable_symbol: str
    constant_symbol: str
    specific_symbol: str
    end_to_end_id: str
    creditor_reference: str
    message: str
    foreign: Foreign
    charges: tuple[Charge, ...]
    code: str
    reference: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The totals of one batch (Btch) beside the details that came with it; `total` keeps the stated direction."""

    count: int | None
    total: Decimal | None
    total_signed: bool
    details: tuple[Detail, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking (Ntry); `number` counts from 1 in the order of the file."""

    number: int
    amount: Decimal
    currency: str
    status: str
    reversal: bool
    booking_date: str
    value_date: str
    code: str
    reference: str
    information: str
    foreign: Foreign
    charges: tuple[Charge, ...]
    details: tuple[Detail, ...]
    batches: tuple[Batch, ...]

    @property
    def transactions(self) -> int:
        """How many payments the booking stands for, by its details or else by its batch totals."""
        return len(self.details) or sum(batch.count or 0 for batch in self.batches) or 1


@dataclass(frozen=True, slots=True)
class Statement:
    """One account statement (Stmt) or one page of it."""

    file: str
    identifier: str
    version: str
    account: str
    has_iban: bool
    currency: str
    owner: str
    bank: str
    sequence: int | None
    page: int | None
    last_page: bool
    created: str
    period_from: str
    period_to: str
    copy: str
    balances: tuple[Balance, ...]
    summary: Summary | None
    entries: tuple[Entry, ...]

    @property
    def is_part(self) -> bool:
        """Whether other pages belong to it, so that its summary speaks of more than is here."""
        return not self.last_page or (self.page or 1) > 1
