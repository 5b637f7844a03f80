"""Which run a process writes to, and where its steps go on."""
from jobs import play, until
from receiver import fields

ONE = """
import runstream, sys
run = runstream.init(project="p", capture_console=False, capture_environment=False)
run.log({"x": 1.0}); run.finish(); print(run.id)
"""
FOLDS = """
import runstream
for fold in range(3):
    run = runstream.init(project="p", capture_console=False, capture_environment=False)
    run.log({"x": float(fold)}); run.finish(); print(run.id)
"""


def ranks(source, receiver, folder, **env):
    jobs = [play(source, receiver=receiver, folder=folder, wait=False, env={"WORLD_SIZE": "2", "RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500", **env}) for rank in (0, 1)]
    return [job.communicate(timeout=60)[0].split() for job in jobs]


def launches(receiver):
    return [dict(fields(said[3]))[12].decode() for said in receiver.named("RunStarted")]


def test_ranks_of_one_launch_share_a_run_and_an_attempt_and_a_restart_is_another(receiver, tmp_path):
    for restart in ("0", "1"):
        ranks(ONE, receiver, tmp_path, TORCHELASTIC_RUN_ID="job-7", TORCHELASTIC_RESTART_COUNT=restart)
    assert len({said[5] for _, said in receiver.order}) == 1
    assert sorted((said[1], said[2]) for said in receiver.named("PointsLogged")) == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_the_nth_run_of_a_process_in_one_launch_is_a_run_of_its_own_on_all_ranks(receiver, tmp_path):
    first, second = ranks(FOLDS, receiver, tmp_path, TORCHELASTIC_RUN_ID="folds")
    assert first == second and len(set(first)) == 3


def test_a_second_launch_that_claims_a_rank_which_is_taken_is_another_start(receiver, tmp_path):
    # by hand, at the meeting point that everybody's examples name: another job
    weak = [ranks(ONE, receiver, tmp_path) for _ in range(2)]
    assert weak[0][0] == weak[0][1] and weak[1][0] == weak[1][1] and weak[0] != weak[1]
    # under a name that somebody gave: the same run, another attempt
    named = [ranks(ONE, receiver, tmp_path, TORCHELASTIC_RUN_ID="nightly") for _ in range(2)]
    assert len({id for pair in named for ids in pair for id in ids}) == 1
    assert len(set(launches(receiver)[-4:])) == 2


def test_what_a_person_starts_in_an_interactive_allocation_is_no_rank_of_a_job(receiver, tmp_path):
    slurm = {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4", "SLURM_STEP_ID": "0"}
    def ids(**env):
        return [play(ONE, receiver=receiver, folder=tmp_path, env={**slurm, **env}).stdout.strip() for _ in range(2)]
    assert len(set(ids(SLURM_PTY_PORT="4711", SLURM_PTY_WIN_COL="80"))) == 2
    assert len(set(ids(SLURM_STEP_ID="4294967290"))) == 2
    assert len(set(ids(JPY_PARENT_PID="1"))) == 2
    assert len({play(ONE, receiver=receiver, folder=tmp_path, env={**slurm, "SLURM_PROCID": rank}).stdout for rank in "0123"}) == 1


def test_a_run_that_is_resumed_and_counts_by_itself_goes_on_behind_what_is_there(receiver, tmp_path):
    job = """
import runstream, sys
run = runstream.init(project="p", id="again", mode=sys.argv[1], capture_console=False, capture_environment=False)
for i in range(3): run.log({"x": float(i)})
if len(sys.argv) > 2:
    run.log({"x": 9.0}, step=100); run.log({"x": 10.0})
run.finish()
"""
    play(job, "online", receiver=receiver, folder=tmp_path)
    receiver.attempts = [{"number": 1, "toStep": 2}, {"number": 2, "toStep": 999}]
    play(job, "online", "more", receiver=receiver, folder=tmp_path)
    steps = [step for _, step, _, _ in receiver.points()]
    assert steps == [0, 1, 2, 3, 4, 5, 100, 101]  # a step that is given is taken as it is, and so is what follows it
    play(job, "offline", receiver=receiver, folder=tmp_path)
    receiver.attempts.append({"number": 2, "toStep": 101})
    from runstream.cli import sync

    assert sync(str(tmp_path / "spool"), receiver.url, 5.0) == 0
    assert [step for _, step, _, _ in receiver.points()][-3:] == [1000, 1001, 1002]
    for who, seqs in receiver.seqs().items():
        assert seqs == list(range(1, len(seqs) + 1)), who
