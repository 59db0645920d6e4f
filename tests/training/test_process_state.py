import pytest

from posepyr.training.process_state import OPEN_FILES, allow_open_files

resource = pytest.importorskip("resource")


def test_the_limit_goes_up_as_far_as_it_may() -> None:
    now, most = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(now, 200), most))
        allowed = allow_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (allowed, most)
        assert allowed == (OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)) > 200
        assert allow_open_files() == allowed, "never down"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
