"""The data model, one module per aggregate."""

from multiflexi.models.application import (
    AppArtifact,
    AppArtifactTranslation,
    AppConsumes,
    AppExitCode,
    AppExitCodeTranslation,
    Application,
    ApplicationTranslation,
    AppProduces,
    BoolStyle,
    ConfField,
    ConfFieldTranslation,
    DataFormat,
    FieldCategory,
    FieldType,
    Sandbox,
    Severity,
)
from multiflexi.models.company import (
    Company,
    CompanyApp,
    CompanyEnv,
    CompanyRole,
    CompanyTopic,
    CompanyUser,
    Contact,
    Topic,
)
from multiflexi.models.credential import (
    Availability,
    Credential,
    CredentialPrototype,
    CredentialPrototypeField,
    CredentialPrototypeFieldTranslation,
    CredentialPrototypeTranslation,
    CredentialType,
    CredentialTypeField,
    CredentialTypeFieldTranslation,
    CredentialTypeTranslation,
    CredentialTypeValue,
    CredentialValue,
    KeptFile,
    TypeValueKind,
)
from multiflexi.models.data_export import DataExport, DataExportFormat, DataExportState
from multiflexi.models.encryption import EncryptionKey
from multiflexi.models.erasure import ErasureAction, ErasureRequest, ErasureStatus, ErasureStep, ErasureType
from multiflexi.models.event import EventOperation, EventRule, EventSource, SourceDatabase, SourceState
from multiflexi.models.job import (
    ACTIVE_STATES,
    FINAL_STATES,
    LIVE_STATES,
    UNSUCCESSFUL_STATES,
    FailureReason,
    Job,
    JobHistory,
    JobStatus,
    ScheduleType,
)
from multiflexi.models.log import (
    AuditEntry,
    AuditOutcome,
    AuditSeal,
    AuditSeverity,
    AuditUnsealed,
    LogEntry,
    Outbox,
    OutboxKind,
    OutcomeRollup,
    TriggerKind,
)
from multiflexi.models.output import (
    CHUNK_BYTES,
    Artifact,
    ArtifactChunk,
    ArtifactKind,
    ArtifactStorage,
    JobOutputLine,
    LineType,
)
from multiflexi.models.queue import (
    CredentialUse,
    JobLimit,
    NamedLimit,
    NamedLimitUser,
    QueueEntry,
    StopLevel,
    Worker,
    WorkerRole,
    WorkerState,
)
from multiflexi.models.role import Permission, Role, RolePermission, UserRole
from multiflexi.models.runtemplate import (
    Backoff,
    CatchUp,
    Configuration,
    Executor,
    FileStore,
    Interval,
    Overlap,
    RunTemplate,
    RunTemplateCredential,
    RunTemplateTopic,
)
from multiflexi.models.second_factor import Passkey, RecoveryCode, SecondFactor
from multiflexi.models.task import NoJobReason, Task, TaskState
from multiflexi.models.user import (
    SUPER_ADMIN,
    TECHNICAL_LOGIN,
    AllowedNetwork,
    ApiRateLimit,
    IdempotencyKey,
    LoginAttempt,
    OAuthClient,
    Token,
    User,
    UserSession,
)
