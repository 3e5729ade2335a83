"""The control API against its own description, by schemathesis: a server, and thousands of calls, good and bad.
They are the same ones each time, however fast the machine is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conversehost.testing import TestBed

HERE = Path(__file__).parent / "openapi"
LONGEST = 300.0


def test_all_that_is_described_is_so_and_nothing_else_is_taken(tmp_path):
    with TestBed.start() as bed:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("--no-color", "--config-file", HERE / "schemathesis.toml"),
                *("run", f"{bed.api}/openapi.json"),
            ],
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "formats", "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert done.returncode == 0, done.stdout + done.stderr + bed.log[-4_000:]
        assert bed.accounts is not None
        assert " error " not in bed.log
    told = re.search(r"Selected: (\d+)/\d+\s+Tested: (\d+)\n.* (\d+) generated", done.stdout, re.DOTALL)
    assert told
    assert told[1] == told[2], "some operations were left out"
    assert int(told[3]) > 3_000
