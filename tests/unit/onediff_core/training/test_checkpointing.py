import pytest
import torch

from onediff_core.errors import TrainingError
from onediff_core.training.checkpointing import STATE_NAME, load_state, save_state


def test_a_state_comes_back(tmp_path):
    assert load_state(tmp_path) is None
    save_state(tmp_path, {"step": 3, "weights": {"a": torch.arange(4.0)}})
    state = load_state(tmp_path)
    assert state["step"] == 3
    assert torch.equal(state["weights"]["a"], torch.arange(4.0))
    assert [path.name for path in tmp_path.iterdir()] == [STATE_NAME]


def test_a_state_that_cannot_be_written_leaves_the_last_one(tmp_path):
    save_state(tmp_path, {"step": 3})
    with pytest.raises(Exception, match="pickle"):
        save_state(tmp_path, {"step": 4, "bad": lambda: None})
    assert load_state(tmp_path) == {"step": 3}
    assert [path.name for path in tmp_path.iterdir()] == [STATE_NAME]


def test_a_disk_that_is_full_is_said_and_leaves_the_last_state(tmp_path):
    save_state(tmp_path, {"step": 3})
    (tmp_path / f".{STATE_NAME}~").symlink_to("/dev/full")
    why = "No space left on device|it took fewer bytes than it was given"
    with pytest.raises(TrainingError, match=rf"state\.pt cannot be written whole: ({why})\. Make room or permission"):
        save_state(tmp_path, {"step": 4, "weights": torch.zeros(100_000)})
    assert load_state(tmp_path) == {"step": 3}


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_damaged_state_is_named(tmp_path, size):
    save_state(tmp_path, {"step": 3})
    path = tmp_path / STATE_NAME
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TrainingError, match=r"state\.pt is damaged or no state of a run: delete it"):
        load_state(tmp_path)


def test_what_a_killed_run_left_half_written_is_no_state_and_does_not_pile_up(tmp_path, monkeypatch):
    def killed(state, file):
        file.write(b"half")
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", killed)
        patched.setattr("pathlib.Path.unlink", lambda *_, **__: None)  # a kill tidies nothing
        for _ in range(2):
            with pytest.raises(SystemExit):
                save_state(tmp_path, {"step": 1})
    assert len(list(tmp_path.iterdir())) == 1
    assert load_state(tmp_path) is None
    save_state(tmp_path, {"step": 2})
    assert [path.name for path in tmp_path.iterdir()] == [STATE_NAME]
