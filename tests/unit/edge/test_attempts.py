"""What may be tried again: only where nothing can have happened."""

import itertools

import pytest

from gateway.edge.attempts import MAX_ATTEMPTS, may_retry
from gateway.upstream.port import Cause, Stage, UpstreamFailure

SAFE = {(stage, Cause.LOST, True, False, 1, True) for stage in (Stage.SEND, Stage.HEAD)}
CASES = list(itertools.product(Stage, Cause, (True, False), (True, False), (1, MAX_ATTEMPTS), (True, False)))


@pytest.mark.parametrize(("stage", "cause", "reused", "answered", "attempt", "whole"), CASES)
def test_every_case(stage: Stage, cause: Cause, reused: bool, answered: bool, attempt: int, whole: bool) -> None:
    failure = UpstreamFailure(stage, cause, reused=reused, answered=answered)
    assert may_retry(failure, attempt, whole) is ((stage, cause, reused, answered, attempt, whole) in SAFE)
