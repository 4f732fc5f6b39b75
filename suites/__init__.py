"""The specification: one file a chapter, one test a clause.

Run it with `pytest --pyargs clinometer.suites --backend NAME`.
"""
