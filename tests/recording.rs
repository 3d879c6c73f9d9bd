//! The recording of a running test: nothing before the first frame, nothing after a test that passed, the last frames
//! after one that was killed.

mod recorder;

#[cfg(unix)]
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use recorder::{FOLDER, FRAMES, Scratch, TEST, frame};
use tuntap_test::capture::{Capture, CapturedFrame, Interface, InterfaceId, Recording, Section};
use tuntap_test::device::Mode;

fn begun(base: &Path) -> (Recording, InterfaceId) {
    let mut recording = Recording::below(base, TEST);
    let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
    (recording, tun0)
}

/// The number that [`frame`] has put into the octets behind the IPv4 and UDP headers.
fn number(frame: &CapturedFrame<'_>) -> u32 {
    u32::from_be_bytes(*frame.octets.get(28..).and_then(<[u8]>::first_chunk).unwrap())
}

#[test]
fn a_test_that_passes_leaves_nothing() {
    let scratch = Scratch::new();
    let base = scratch.path().join("made/here");
    let (mut recording, tun0) = begun(&base);
    assert!(scratch.all().is_empty(), "nothing is made before the first frame");
    recording.frame(&frame(tun0, 0));
    assert_eq!(recording.folder(), base.join(FOLDER));
    assert_eq!(fs::read_dir(recording.folder()).unwrap().count(), 1);
    recording.discard();
    assert!(scratch.all().is_empty(), "{:?}", scratch.all());

    let (mut recording, tun0) = begun(scratch.path());
    recording.frame(&frame(tun0, 0));
    drop(recording);
    assert!(scratch.all().is_empty() && scratch.path().exists(), "a folder that was there before stays");
}

#[test]
fn what_others_put_there_stays() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    recording.frame(&frame(tun0, 0));
    for name in ["exchange.pcapng", "exchange.99999999", "exchange.old.0.pcapng", "note.txt"] {
        File::create_new(recording.folder().join(name)).unwrap();
    }
    recording.discard();
    begun(scratch.path()).0.discard();
    let left = ["", "exchange.99999999", "exchange.old.0.pcapng", "exchange.pcapng", "note.txt"];
    assert_eq!(scratch.all(), left.map(|name| format!("{FOLDER}/{name}")));
}

#[test]
fn frames_are_in_the_file_as_they_happen() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    for count in 1..4 {
        recording.frame(&frame(tun0, count - 1));
        let capture = Capture::read(recorder::only_file(&scratch)).unwrap();
        assert_eq!(capture.frames, (0..count).map(|number| frame(tun0, number)).collect::<Vec<_>>());
        assert_eq!(capture.interfaces, [Interface::new("tun0", Mode::Tun)]);
        assert_eq!(capture.sections, [Section::new().with_comment(format!("test {TEST}"))]);
    }
    // An interface that comes late.
    let tap0 = recording.add_interface(Interface::new("tap0", Mode::Tap));
    recording.frame(&CapturedFrame::new(tap0, Duration::ZERO, &[0xff; 14]));
    assert_eq!(Capture::read(recorder::only_file(&scratch)).unwrap(), recording.recorded().unwrap());
    assert_eq!(recording.recorded().unwrap().frames[3].interface, tap0);
    assert_eq!(recording.forgotten(), 0);
}

/// What is left for later is in no file until it is flushed, and then in its place.
#[test]
fn frames_for_later_are_in_the_file_once_they_are_flushed() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    let written = |scratch: &Scratch| Capture::read(recorder::only_file(scratch)).unwrap().frames;
    recording.frame(&frame(tun0, 0));
    recording.frame_later(&frame(tun0, 1));
    recording.frame_later(&frame(tun0, 2));
    assert_eq!(written(&scratch), [frame(tun0, 0)]);
    recording.flush();
    assert_eq!(written(&scratch), (0..3).map(|number| frame(tun0, number)).collect::<Vec<_>>());
    recording.frame_later(&frame(tun0, 3));
    recording.frame(&frame(tun0, 4));
    assert_eq!(written(&scratch).len(), 5);
    recording.frame_later(&frame(tun0, 5));
    assert_eq!(recording.recorded().unwrap().frames.len(), 6, "reading back flushes");
    assert_eq!(written(&scratch).len(), 6);
    recording.frame_later(&frame(tun0, 6));
    recording.discard();
    assert!(scratch.all().is_empty(), "{:?}", scratch.all());
}

#[test]
fn what_is_kept_replaces_the_segments() {
    let scratch = Scratch::new();
    for comment in ["first", "second"] {
        let (mut recording, tun0) = begun(scratch.path());
        recording.frame(&frame(tun0, 0));
        let report = recording.write_report(comment).unwrap();
        let kept = recording
            .keep("exchange.pcapng", |writer| writer.write_frame(&frame(tun0, 1).with_comment(comment)))
            .unwrap();
        assert_eq!(kept, scratch.path().join(FOLDER).join("exchange.pcapng"));
        assert_eq!(Capture::read(&kept).unwrap().frames, [frame(tun0, 1).with_comment(comment)]);
        assert_eq!(fs::read_to_string(report).unwrap(), comment);
        assert_eq!(scratch.all(), ["", "exchange.pcapng", "report.txt"].map(|name| format!("{FOLDER}/{name}")));
    }
    // Without a frame the folder is made for it.
    let scratch = Scratch::new();
    let kept = begun(scratch.path()).0.keep("exchange.pcapng", |_| Ok(())).unwrap();
    assert!(Capture::read(kept).unwrap().frames.is_empty());
}

#[test]
fn evidence_that_cannot_be_kept_is_left_as_it_was_recorded() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    recording.frame(&frame(tun0, 0));
    let error = recording.keep("exchange.pcapng", |_| Err(io::Error::other("no"))).unwrap_err();
    assert_eq!(error.to_string(), "no");
    assert_eq!(Capture::read(recorder::only_file(&scratch)).unwrap().frames, [frame(tun0, 0)]);
    for name in ["", ".", "..", "a/b", "../a", "/a"] {
        let error = begun(scratch.path()).0.keep(name, |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name}");
    }
}

#[test]
fn the_last_frames_are_kept_and_the_rest_is_counted() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    let tap0 = recording.add_interface(Interface::new("tap0", Mode::Tap));
    for written in 1..=12_345 {
        recording.frame(&frame(if written % 2 == 0 { tun0 } else { tap0 }, written));
        if written % 1_234 == 0 || [4_999, 5_000, 5_001, 10_000, 10_001, 12_345].contains(&written) {
            let capture = recording.recorded().unwrap();
            let kept = u32::try_from(capture.frames.len()).unwrap();
            // Once a segment has gone, one full and one begun segment are there.
            assert!(kept == written.min(10_000) || (5_001..10_000).contains(&kept), "{kept} of {written}");
            assert_eq!(u64::from(kept) + recording.forgotten(), written.into());
            assert!(capture.frames.iter().map(number).eq(written - kept + 1..=written));
            let segments = fs::read_dir(recording.folder()).unwrap().map(|entry| entry.unwrap().path());
            let alone = segments.map(|segment| Capture::read(segment).unwrap());
            assert_eq!(alone.map(|segment| segment.frames.len()).sum::<usize>(), capture.frames.len());
        }
    }
    assert!(recording.error().is_none());
    recording.discard();
    assert!(scratch.all().is_empty());
}

#[test]
fn large_frames_are_bounded_by_their_octets() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    let octets = vec![0x45; 65_535];
    for written in 1..=400_u64 {
        recording.frame(&CapturedFrame::new(tun0, Duration::ZERO, &octets));
        let entries = fs::read_dir(recording.folder()).unwrap();
        let room: u64 = entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(room <= 16 << 20, "{room} octets after {written} frames");
        assert!(written <= 127 || room > 8 << 20, "{room} octets after {written} frames");
    }
    let kept = recording.recorded().unwrap().frames.len();
    assert_eq!(u64::try_from(kept).unwrap() + recording.forgotten(), 400);
}

#[test]
fn an_error_of_the_file_system_ends_the_recording_and_not_the_test() {
    let scratch = Scratch::new();
    let base = scratch.path().join("file");
    File::create_new(&base).unwrap();
    let (mut recording, tun0) = begun(&base);
    assert!(recording.error().is_none());
    recording.frame(&frame(tun0, 0));
    recording.frame(&frame(tun0, 1));
    assert!(recording.error().is_some());
    assert_eq!(recording.forgotten(), 2);
    assert!(recording.recorded().unwrap().frames.is_empty());
    assert!(recording.write_report("text").is_err());
    assert!(recording.keep("exchange.pcapng", |_| Ok(())).is_err());
    assert_eq!(scratch.all(), ["file"]);
}

#[test]
fn a_frame_that_cannot_be_written_costs_itself_only() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    let beyond = CapturedFrame::new(tun0, Duration::MAX, &[0x45]);
    recording.frame(&beyond);
    recording.frame(&frame(tun0, 7));
    recording.frame(&beyond);
    recording.frame(&frame(tun0, 8));
    assert_eq!(recording.error().unwrap().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(recording.recorded().unwrap().frames, [frame(tun0, 7), frame(tun0, 8)]);
    assert_eq!(recording.forgotten(), 2);
}

#[test]
fn a_recording_can_be_shared_by_the_threads_of_a_test() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    is_shared(&begun(Scratch::new().path()).0);
}

/// Tests that end take folders away that others make.
#[test]
fn many_tests_at_once_do_not_disturb_each_other() {
    const THREADS: u32 = 8;
    let scratch = Scratch::new();
    let base = scratch.path().join("tuntap-test");
    let start = Barrier::new(usize::try_from(THREADS).unwrap());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (base, start) = (&base, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..200 {
                    // Two threads share a test's path, as two cases of one property do.
                    let mut recording = Recording::below(base, &format!("echo::test{}", thread / 2));
                    let tun0 = recording.add_interface(Interface::new("tun0", Mode::Tun));
                    let recording = Mutex::new(recording);
                    recording.lock().unwrap().frame(&frame(tun0, round));
                    let mut recording = recording.into_inner().unwrap();
                    assert!(recording.error().is_none(), "{:?}", recording.error());
                    assert_eq!(recording.recorded().unwrap().frames.len(), 1);
                }
            });
        }
    });
    assert!(scratch.all().iter().all(|name| name == "tuntap-test/"), "{:?}", scratch.all());
}

/// What a child left whose process is gone: its frames, until the test runs again.
fn is_read_and_then_removed(scratch: &Scratch) {
    let left = recorder::only_file(scratch);
    let capture = Capture::read(&left).unwrap();
    assert!(capture.frames.iter().map(number).eq(0..FRAMES));
    assert_eq!(capture.sections, [Section::new().with_comment(format!("test {TEST}"))]);
    begun(scratch.path()).0.discard();
    if cfg!(target_os = "linux") {
        assert!(scratch.all().is_empty(), "{:?}", scratch.all());
    } else {
        assert!(left.exists(), "nothing tells that the process is gone, and a day has not passed");
    }
}

#[test]
fn an_aborted_test_leaves_its_frames() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    assert!(!recorder::run("an_aborted_test_leaves_its_frames", scratch.path(), "abort"));
    is_read_and_then_removed(&scratch);
}

#[test]
fn a_child_that_passes_leaves_nothing_where_the_variable_says() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    assert!(recorder::run("a_child_that_passes_leaves_nothing_where_the_variable_says", scratch.path(), "pass"));
    assert!(scratch.all().is_empty(), "{:?}", scratch.all());
}

/// Without the variable: from the program's own path.
#[test]
#[cfg(unix)]
fn evidence_lies_in_the_target_folder_around_the_program() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    let deps = scratch.path().join("target/debug/deps");
    fs::create_dir_all(&deps).unwrap();
    // By a program: were it written here, a child that another test starts meanwhile could hold it open for writing.
    let copied = Command::new("cp").arg(env::current_exe().unwrap()).arg(deps.join("program")).status().unwrap();
    assert!(copied.success());
    let before = scratch.all();
    let child = |end| {
        let test = "evidence_lies_in_the_target_folder_around_the_program";
        let mut child = recorder::child(&deps.join("program"), test, end);
        child.current_dir(&deps);
        child
    };
    assert!(recorder::ran(&mut child("pass")));
    assert_eq!(scratch.all(), before, "a test that passes leaves nothing, not even the folder around its own");
    assert!(!recorder::ran(&mut child("abort")));
    let left = fs::read_dir(scratch.path().join("target/tuntap-test").join(FOLDER)).unwrap();
    assert_eq!(left.count(), 1);
}

#[test]
fn a_killed_test_leaves_its_frames_until_it_runs_again() {
    recorder::play_if_child();
    let scratch = Scratch::new();
    let child = recorder::start("a_killed_test_leaves_its_frames_until_it_runs_again", scratch.path());
    let segment = recorder::only_file(&scratch);
    assert!(segment.to_str().unwrap().contains(&format!("exchange.{}.", child.id())));
    // The same test in another process, while the first one runs.
    begun(scratch.path()).0.discard();
    assert_eq!(recorder::only_file(&scratch), segment, "what is being written is left alone");
    recorder::kill(child);
    is_read_and_then_removed(&scratch);
}

#[test]
fn what_an_earlier_process_of_the_same_number_left_is_removed() {
    let scratch = Scratch::new();
    let (mut recording, tun0) = begun(scratch.path());
    recording.frame(&frame(tun0, 0));
    let segment = recorder::only_file(&scratch);
    let earlier = recording.folder().join(format!("exchange.{}.1a2b-0.0.pcapng", std::process::id()));
    fs::copy(&segment, &earlier).unwrap();
    begun(scratch.path()).0.discard();
    assert!(!earlier.exists() && segment.exists());
}
