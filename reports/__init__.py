"""Reports: read journals, count, and show what was found. Nothing here knows a backend or runs a test.

`journal` is the schema, `results` the merged model, `page` the HTML file, `cli` the console script.
"""

from clinometer.reports.journal import BrokenJournal, identity
from clinometer.reports.page import write
from clinometer.reports.results import Results, Subject, Tally, load

__all__ = ["BrokenJournal", "Results", "Subject", "Tally", "identity", "load", "write"]
