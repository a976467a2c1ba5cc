"""Identifiers: shape, order, no repeats."""

import re
import uuid

import pytest

from gateway.kit.ids import hex32, uuid4_text, uuid7

MOMENTS = [0.0, 1.0, 1_790_000_000.123, 4_102_444_800.0, (2**48 - 1) / 1000]


@pytest.mark.parametrize("wall_s", MOMENTS)
def test_uuid7_carries_version_variant_and_time(wall_s: float) -> None:
    text = uuid7(wall_s)
    parsed = uuid.UUID(text)
    assert text == str(parsed)
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert parsed.int >> 80 == int(wall_s * 1000)


def test_uuid7_sorts_by_time_as_text() -> None:
    moments = [1_790_000_000 + step / 1000 for step in range(1000)]
    made = [uuid7(moment) for moment in moments]
    assert made == sorted(made)


def test_uuid7_never_repeats_within_a_millisecond() -> None:
    assert len({uuid7(1.0) for _ in range(20_000)}) == 20_000


def test_uuid7_takes_the_time_of_now() -> None:
    assert uuid7(0) < uuid7() < uuid7(4_102_444_800)


def test_uuid7_uses_all_its_random_bits() -> None:
    ones = zeros = 0
    for _ in range(500):
        value = uuid.UUID(uuid7(0)).int
        ones |= value
        zeros |= ~value
    noise = (0xFFF << 64) | ((1 << 62) - 1)
    assert ones & noise == noise
    assert zeros & noise == noise


def test_other_ids_have_their_shapes() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", hex32())
    assert hex32() != hex32()
    assert uuid.UUID(uuid4_text()).version == 4
