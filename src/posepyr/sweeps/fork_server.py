"""Imported by the server that jobs are forked from, and by nothing else: has it end with the sweep that started it.

Python's own server lives as long as any job does. Once a sweep is killed by force nobody would end its jobs; so Linux
ends the server then, and with it, since each asks for the same, the jobs, which save.
"""

from posepyr.running.local_processes import end_with_parent

end_with_parent()
