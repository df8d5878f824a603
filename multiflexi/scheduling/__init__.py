"""When something is due: cadences, slots, missed runs, windows and deadlines. Pure: no Django, no database."""
