//! Whose a segment is: its name holds the process, so that what a killed one left can be told from what is being written.

use std::fs::{self, DirEntry};
use std::path::Path;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// What the names of all files of a running test begin with; its process follows.
const PREFIX: &str = "exchange.";
/// How long a file is left alone where a process cannot be asked after.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// This process: zero where processes have no numbers.
pub(super) fn process() -> u32 {
    if cfg!(target_family = "wasm") { 0 } else { process::id() }
}

/// When this process first asked, in hexadecimal: tells it from an earlier process of the same number.
fn incarnation() -> &'static str {
    static INCARNATION: OnceLock<String> = OnceLock::new();
    INCARNATION.get_or_init(|| {
        let clock = if cfg!(target_family = "wasm") { SystemTime::UNIX_EPOCH } else { SystemTime::now() };
        let since = clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{:x}", since.as_nanos())
    })
}

/// What the names of one recording's files begin with: `exchange.<process>.<incarnation>-<number>`.
pub(super) fn stem() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}.{}-{number}", process(), incarnation())
}

/// Removes what processes left that are gone. Says whether anything was removed.
pub(super) fn remove_stale(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let removed = entries.flatten().filter(|entry| is_stale(entry) && fs::remove_file(entry.path()).is_ok());
    removed.count() > 0
}

fn is_stale(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let Some((process, rest)) = name.to_str().and_then(parse) else { return false };
    if process == self::process() {
        return !rest.starts_with(incarnation());
    }
    match is_alive(process) {
        Some(alive) => !alive,
        None => {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > A_DAY))
        }
    }
}

/// The process and what follows it, of a name that this module has made.
fn parse(name: &str) -> Option<(u32, &str)> {
    let (process, rest) = name.strip_prefix(PREFIX)?.split_once('.')?;
    Some((process.parse().ok()?, rest))
}

/// Whether there is such a process, where that can be told.
fn is_alive(process: u32) -> Option<bool> {
    let processes = Path::new("/proc");
    (cfg!(target_os = "linux") && processes.join("self").exists()).then(|| processes.join(process.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_names_its_process_and_is_never_given_twice() {
        let (one, other) = (stem(), stem());
        assert_ne!(one, other);
        let name = format!("{one}.0.pcapng");
        let (process, rest) = parse(&name).unwrap();
        assert_eq!(process, self::process());
        assert!(rest.starts_with(incarnation()), "{rest}");
    }

    #[test]
    fn other_names_are_nobodys() {
        for name in
            ["exchange.pcapng", "report.txt", "exchange.12", "exchange.-1.a.pcapng", "exchange..a", "my.12.pcapng"]
        {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_alive_while_it_is() {
        assert_eq!(is_alive(process::id()), Some(true));
        let mut child = process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        assert_eq!(is_alive(gone), Some(false));
    }
}
