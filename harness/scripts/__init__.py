"""The stand-alone script of a failure, in the library's own words."""
