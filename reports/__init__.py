"""Reports: read journals, count, and show what was found. Nothing here knows a backend or runs a test.

`results.py` merges journals into one model, which `html/`, `compare.py` and `atlas.py` read.
"""

from clinometer.journal.reader import BrokenJournal
from clinometer.journal.records import identity
from clinometer.reports.html.page import write
from clinometer.reports.results import Results, Subject, Tally, load

__all__ = ["BrokenJournal", "Results", "Subject", "Tally", "identity", "load", "write"]
