import json

import pytest
from golden import study


def test_the_study_reproduces_its_stored_numbers() -> None:
    kept, now = json.loads(study.KEPT.read_text()), study.compute()
    assert now.keys() == kept.keys()
    for strategy, rounds in kept.items():
        for before, after in zip(rounds, now[strategy], strict=True):
            assert after["ids"] == before["ids"]
            for measure in ("accuracy", "nll", "ece"):
                assert after[measure] == pytest.approx(before[measure], abs=1e-6)
