use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, SystemClock};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with a `proxy.yaml`, and whoever reloads it.
struct World {
    folder: TempDir,
    reloader: Arc<Reloader>,
    applied: Receiver<String>,
}

/// A valid file whose only word is a team.
fn team(name: &str) -> String {
    format!("# written by a test\nlabels: {{ team: {name} }}\n")
}

fn world(text: Option<&str>, clock: Arc<dyn Clock>) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("proxy.yaml");
    if let Some(text) = text {
        fs::write(&path, text).expect("a file");
    }
    at(folder, path, clock)
}

fn at(folder: TempDir, path: PathBuf, clock: Arc<dyn Clock>) -> World {
    let loaded = load_or_default(&path, &|_| None).expect("the first file is valid");
    let (sender, applied) = sync_channel(4096);
    let on_apply = move |config: &Arc<Config>| {
        let team = config.labels.team.clone().unwrap_or_default();
        sender.try_send(team).expect("the channel is long enough");
    };
    let reloader = Reloader::new(
        path,
        Box::new(|_| None),
        clock,
        loaded,
        Box::new(on_apply),
        Box::new(|_, _| {}),
    );
    World {
        folder,
        reloader,
        applied,
    }
}

impl World {
    fn write(&self, text: &str) {
        fs::write(self.reloader.path(), text).expect("the file can be written");
    }

    /// As editors write: a new file, renamed over the old one.
    fn rename_over(&self, text: &str) {
        let new = self.folder.path().join(".proxy.yaml.new");
        fs::write(&new, text).expect("a second file can be written");
        fs::rename(&new, self.reloader.path()).expect("it can be renamed");
    }

    fn watch(&self) -> Watch {
        let poll = PATIENCE * 10;
        Watch::start(
            Arc::clone(&self.reloader),
            Pace {
                poll,
                ..Pace::default()
            },
        )
        .expect("a thread")
    }

    fn team(&self) -> Option<String> {
        self.reloader.current().labels.team.clone()
    }

    /// Waits until a team is in force; what came before it is returned.
    fn await_team(&self, team: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let next = self
                .applied
                .recv_timeout(PATIENCE)
                .expect("settings are applied in time");
            if next == team {
                return before;
            }
            before.push(next);
        }
    }
}

#[test]
fn a_good_edit_takes_effect_and_a_bad_one_does_not() {
    let clock = ManualClock::at(1_000);
    let world = world(Some(&team("a")), clock.clone());
    assert_eq!(world.reloader.reload(Cause::Request), Reload::Unchanged);
    world.write(&team("b"));
    clock.set(2_000);
    let changes = vec!["labels: changed".to_owned()];
    assert_eq!(
        world.reloader.reload(Cause::Request),
        Reload::Applied {
            changes,
            needs_restart: vec![]
        }
    );
    assert_eq!(
        world.reloader.status(),
        Status {
            last_ok: true,
            last_success_ms: 2_000
        }
    );
    clock.set(3_000);
    for bad in [
        "labels: { team: [] }",
        "",
        "labels: {",
        "labels: { team: b }\nx: 1",
    ] {
        world.write(bad);
        assert!(
            matches!(world.reloader.reload(Cause::Request), Reload::Refused(_)),
            "{bad}"
        );
        assert_eq!(world.team().as_deref(), Some("b"), "{bad}");
        assert_eq!(
            world.reloader.status(),
            Status {
                last_ok: false,
                last_success_ms: 2_000
            }
        );
    }
    world.write(&team("b"));
    assert_eq!(world.reloader.reload(Cause::Request), Reload::Unchanged);
    assert_eq!(
        world.reloader.status(),
        Status {
            last_ok: true,
            last_success_ms: 3_000
        }
    );
    assert_eq!(world.applied.try_iter().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_call_keeps_the_settings_it_began_with() {
    let world = world(Some(&team("a")), ManualClock::at(0));
    let call = world.reloader.current();
    world.write(&team("b"));
    world.reloader.reload(Cause::Request);
    assert_eq!(call.labels.team.as_deref(), Some("a"));
    assert_eq!(world.team().as_deref(), Some("b"));
}

#[test]
fn what_needs_a_restart_is_named_and_waits() {
    let world = world(Some(&team("a")), ManualClock::at(0));
    world.write("{ listen: '127.0.0.1:1', data_dir: /elsewhere, labels: { team: b } }");
    let Reload::Applied {
        changes,
        needs_restart,
    } = world.reloader.reload(Cause::Request)
    else {
        panic!("the file is valid");
    };
    assert_eq!(
        (changes.len(), needs_restart),
        (3, vec!["listen", "data_dir"])
    );
    let running = world.reloader.current();
    assert_eq!(
        (running.listen.port(), running.data_dir.as_path()),
        (8900, Path::new("./weir-data"))
    );
    assert_eq!(running.labels.team.as_deref(), Some("b"));
    assert_eq!(world.reloader.reload(Cause::Request), Reload::Unchanged);
    world.write(&team("b"));
    let Reload::Applied { needs_restart, .. } = world.reloader.reload(Cause::Request) else {
        panic!("the file is valid");
    };
    assert_eq!(
        needs_restart, [""; 0],
        "the file says again what is running"
    );
    assert_eq!(
        world.applied.try_iter().count(),
        1,
        "what runs changed once"
    );
}

#[test]
fn without_a_file_the_defaults_stay_until_there_is_one() {
    let world = world(None, ManualClock::at(0));
    assert_eq!(world.reloader.reload(Cause::Request), Reload::Unchanged);
    assert!(world.reloader.status().last_ok);
    world.write(&team("a"));
    assert!(matches!(
        world.reloader.reload(Cause::Request),
        Reload::Applied { .. }
    ));
    fs::remove_file(world.reloader.path()).expect("the file is there");
    assert!(matches!(
        world.reloader.reload(Cause::Request),
        Reload::Refused(_)
    ));
    assert_eq!(
        world.team().as_deref(),
        Some("a"),
        "a file that went away undoes nothing"
    );
}

#[test]
fn notices_every_way_of_writing_a_file() {
    let world = world(Some(&team("a")), SystemClock::shared());
    let _watch = world.watch();
    let path = world.reloader.path();

    world.write(&team("written"));
    assert_eq!(world.await_team("written"), [""; 0]);

    world.rename_over(&team("renamed"));
    assert_eq!(world.await_team("renamed"), [""; 0]);

    fs::File::create(path).expect("truncated");
    world.write(&team("truncated"));
    assert_eq!(world.await_team("truncated"), [""; 0]);

    fs::remove_file(path).expect("removed");
    world.write(&team("recreated"));
    assert_eq!(world.await_team("recreated"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn notices_a_config_map_that_is_swapped() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let version = |name: &str, text: &str| {
        let inner = folder.path().join(name);
        fs::create_dir(&inner).expect("a version's folder");
        fs::write(inner.join("proxy.yaml"), text).expect("a version's file");
    };
    version("..1", &team("one"));
    version("..2", &team("two"));
    symlink("..1", folder.path().join("..data")).expect("a link");
    let path = folder.path().join("proxy.yaml");
    symlink("..data/proxy.yaml", &path).expect("a link");
    let world = at(folder, path, SystemClock::shared());
    let _watch = world.watch();
    let inner = |name: &str| world.folder.path().join(name);
    symlink("..2", inner("..data_tmp")).expect("a link");
    fs::rename(inner("..data_tmp"), inner("..data")).expect("swapped");
    fs::remove_dir_all(inner("..1")).expect("the old version goes");
    assert_eq!(world.await_team("two"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn the_slow_look_finds_what_events_do_not_tell() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = elsewhere.path().join("real.yaml");
    fs::write(&target, team("a")).expect("a file");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("proxy.yaml");
    std::os::unix::fs::symlink(&target, &path).expect("a link");
    let world = at(folder, path, SystemClock::shared());
    let poll = Duration::from_millis(20);
    let pace = Pace {
        poll,
        ..Pace::default()
    };
    let _watch = Watch::start(Arc::clone(&world.reloader), pace).expect("a thread");
    fs::write(&target, team("b")).expect("written");
    world.await_team("b");
}

/// Between two edits of a storm: a hundred in a second.
const BETWEEN_EDITS: Duration = Duration::from_millis(10);

#[test]
fn a_storm_of_edits_ends_at_the_last_valid_one() {
    let world = world(Some(&team("start")), SystemClock::shared());
    let _watch = world.watch();
    let mut applied = Vec::new();
    for edit in 0..200 {
        match edit % 4 {
            0 => world.write(&team(&format!("t{edit}"))),
            1 => world.write("labels: { team: ["),
            2 => world.rename_over(&team(&format!("t{edit}"))),
            _ => world.write(""),
        }
        applied.extend(world.applied.recv_timeout(BETWEEN_EDITS));
    }
    world.write(&team("last"));
    applied.extend(world.await_team("last"));
    assert!(
        applied.iter().all(|team| team.starts_with('t')),
        "{applied:?}"
    );
    assert!(
        applied.len() < 50,
        "edits are taken together: {}",
        applied.len()
    );
    assert_eq!(world.team().as_deref(), Some("last"));
    assert!(world.reloader.status().last_ok);
}

#[test]
fn edits_without_a_pause_are_taken_all_the_same() {
    let world = world(Some(&team("start")), SystemClock::shared());
    let _watch = world.watch();
    let started = SystemClock::shared();
    let (mut edits, mut reloads) = (0, 0);
    while reloads < 3 {
        edits += 1;
        world.rename_over(&team(&format!("t{edits}")));
        reloads += u32::from(world.applied.recv_timeout(BETWEEN_EDITS).is_ok());
        assert!(
            started.monotonic() < PATIENCE,
            "{reloads} reloads in {edits} edits"
        );
    }
    assert!(edits > 3 * reloads, "{reloads} reloads in {edits} edits");
}

#[test]
fn stops_when_it_is_dropped() {
    let world = world(Some(&team("a")), SystemClock::shared());
    let watch = world.watch();
    assert_eq!(Arc::strong_count(&world.reloader), 2);
    drop(watch);
    assert_eq!(
        Arc::strong_count(&world.reloader),
        1,
        "the thread has ended"
    );
}
