"""Studies: data sets looked through, networks audited, this machine measured."""
