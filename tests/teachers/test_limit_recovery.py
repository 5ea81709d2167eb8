"""The limit comes back from a passing trouble."""

from arbitrage.teachers.limit import Limit


def settle(limit: Limit, cap: int, rounds: int = 200) -> int:
    """Work against a server that refuses above `cap`; return how many it refused in the last tenth."""
    refused = 0
    for number in range(rounds):
        level = int(limit.value)
        for sent in range(level, 0, -1):
            if sent > cap:
                limit.refused(sent, sent - 1)
                refused += number >= rounds * 9 // 10
            else:
                limit.succeeded(sent)
    return refused


def test_a_wall_is_held_and_seldom_knocked_at() -> None:
    limit = Limit(64)
    refused = settle(limit, 32)
    assert 31 <= limit.value <= 33
    assert refused <= 4


def test_missed_deadlines_do_not_leave_it_at_one() -> None:
    limit = Limit(64)
    settle(limit, 32)
    for _ in range(32):
        limit.timed_out()
    assert limit.value == 1
    settle(limit, 32, rounds=10)
    assert limit.value >= 28


def test_a_burst_of_refusals_does_not_leave_it_low() -> None:
    limit = Limit(64)
    settle(limit, 32)
    for level in range(32, 0, -1):
        limit.refused(level, level - 1)
    assert limit.value == 1
    settle(limit, 32, rounds=40)
    assert limit.value >= 31


def test_a_server_that_serves_two_is_sent_two() -> None:
    limit = Limit(64)
    settle(limit, 2)
    for _ in range(2):
        limit.timed_out()
    settle(limit, 2, rounds=40)
    assert 2 <= limit.value <= 3
