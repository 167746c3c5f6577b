"""Frames carry a result through a log whole, or say that it did not arrive."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicr_core.kit.errors import AicrError, Code
from aicr_core.kit.frames import read_frames, write_frames

BIG = random.Random(1).randbytes(60_000)


@given(st.binary(max_size=400), st.lists(st.text('abc {}"AICR', max_size=20), max_size=4))
def test_what_is_written_is_read_among_other_lines(data: bytes, noise: list[str]) -> None:
    noise = [line for line in noise if line.split(" ")[0] != "AICR1"]
    frames = list(write_frames(data))
    assert read_frames([*noise, *frames, *noise]) == (data, [*noise, *noise])


def test_frames_fit_the_lines_of_a_container_log_and_come_in_any_order() -> None:
    frames = list(write_frames(BIG))
    assert len(frames) > 5
    assert max(map(len, frames)) < 16_000
    assert read_frames(reversed(frames)) == (BIG, [])


def test_no_frames_are_no_result() -> None:
    assert read_frames(["hello", ""]) == (None, ["hello", ""])


@pytest.mark.parametrize("lost", range(4))
def test_a_lost_frame_is_noticed(lost: int) -> None:
    frames = list(write_frames(BIG))
    del frames[lost if lost < 3 else -1]
    with pytest.raises(AicrError) as caught:
        read_frames(frames, "pod a/b")
    assert caught.value.code is Code.INTERNAL
    assert str(caught.value).startswith("[INTERNAL] pod a/b: ")


def test_damage_and_mixed_runs_are_noticed() -> None:
    first, second = list(write_frames(b"one")), list(write_frames(b"two"))
    for lines in (
        [first[0], second[1]],
        ["AICR1 1 1 ?", first[1]],
        ["AICR1 1 x abcd", first[1]],
        ["AICR1 1", first[1]],
        ["AICR1 1 1 aGVsbG8=", first[1]],
        [first[1]],
    ):
        with pytest.raises(AicrError):
            read_frames(lines)
