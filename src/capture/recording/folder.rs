//! Where a test's evidence lies, made when it is first needed and gone when it is empty.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The variable that says where evidence is kept.
const VARIABLE: &str = "TUNTAP_TEST_DIR";
/// The folder of all evidence, below cargo's target folder.
const OURS: &str = "tuntap-test";
/// The longest name of a folder, in octets: what file systems take (255) is more.
const MOST_NAME_OCTETS: usize = 200;
/// How often a folder is made anew that another test removed at the same instant.
const MOST_ATTEMPTS: usize = 100;

/// The folder of one test.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Folders that may go once they are empty, innermost first: the test's own, `tuntap-test` in a target folder, and
    /// those around it that were not there when the test began.
    ours: Vec<PathBuf>,
}

impl Folder {
    /// In `TUNTAP_TEST_DIR`, or in `tuntap-test` in the target folder that the test program was built into.
    pub(super) fn for_test(test_path: &str) -> Self {
        static BASE: OnceLock<(PathBuf, bool)> = OnceLock::new();
        let (base, is_ours) = BASE.get_or_init(|| match env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => (absolute(folder.into()), false),
            None => (absolute(target().join(OURS)), true),
        });
        let mut folder = Self::below(base, test_path);
        if *is_ours && folder.ours.len() == 1 {
            folder.ours.push(base.clone());
        }
        folder
    }

    /// In a folder of that base.
    pub(super) fn below(base: &Path, test_path: &str) -> Self {
        let base = absolute(base.to_owned());
        let path = base.join(name_of(test_path));
        let missing = base.ancestors().take_while(|folder| !folder.exists());
        let ours = std::iter::once(path.as_path()).chain(missing).map(Path::to_owned).collect();
        Self { path, ours }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder and does something in it.
    ///
    /// Another test that ends now may remove a folder that both need, between two steps; then it is made again. It is
    /// `AlreadyExists` that `create_dir_all` gives when a folder goes just after it was found there.
    pub(super) fn make<T>(&self, mut then: impl FnMut(&Path) -> io::Result<T>) -> io::Result<T> {
        let mut attempt = || fs::create_dir_all(&self.path).and_then(|()| then(&self.path));
        for _ in 1..MOST_ATTEMPTS {
            match attempt() {
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {}
                done => return done,
            }
        }
        attempt()
    }

    /// Removes what is empty. A folder that holds anything stays, and so do those around it.
    pub(super) fn remove_if_empty(&self) {
        // Not empty, gone already, not permitted: in each case nothing is to be done.
        let _ = self.ours.iter().try_for_each(fs::remove_dir);
    }
}

/// One name for a whole test path: `::` becomes a dot and what is no letter, digit or `-` becomes `_`. A name that says
/// less than the path does by that, or would be too long, ends in a hash of the path.
fn name_of(test_path: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in test_path.split("::").filter(|part| !part.is_empty()) {
        let plain = |letter: char| if letter.is_alphanumeric() || letter == '-' { letter } else { '_' };
        parts.push(part.chars().map(plain).collect());
    }
    let mut name = parts.join(".");
    if name.is_empty() || name.len() > MOST_NAME_OCTETS || name.replace('.', "::") != test_path {
        name.truncate(name.floor_char_boundary(MOST_NAME_OCTETS));
        name.push_str(&format!("-{:08x}", hash(test_path)));
    }
    name
}

/// FNV-1a: small, and the same in each run.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193))
}

/// As it is meant now: the test may change its working directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    target_around(&program, |folder| folder.join("CACHEDIR.TAG").exists()).unwrap_or(Path::new("target")).to_owned()
}

/// The innermost folder around the program that cargo has marked as its own, or that has its name.
fn target_around(program: &Path, is_marked: impl Fn(&Path) -> bool) -> Option<&Path> {
    program
        .ancestors()
        .skip(1)
        .find(|folder| folder.file_name().is_some_and(|name| name == "target") || is_marked(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_after_its_test() {
        assert_eq!(name_of("echo::tests::host_answers-ping::mock"), "echo.tests.host_answers-ping.mock");
        assert_eq!(name_of("größe::mock"), "größe.mock");
    }

    #[test]
    fn a_name_that_says_less_has_a_hash() {
        for (path, start) in
            [("", ""), ("::", ""), ("..", "__"), ("a/b", "a_b"), ("a.b", "a_b"), ("a:b", "a_b"), ("a::", "a")]
        {
            let name = name_of(path);
            assert_eq!(name, format!("{start}-{:08x}", hash(path)));
        }
        let long = name_of(&"ä".repeat(300));
        assert!(long.len() <= MOST_NAME_OCTETS + 9 && long.starts_with('ä'), "{long}");
        assert_ne!(name_of(&"a".repeat(300)), name_of(&"a".repeat(301)));
    }

    #[test]
    fn the_target_folder_is_the_innermost_around_the_program() {
        let none = |_: &Path| false;
        let found = |program: &'static str| target_around(Path::new(program), none);
        assert_eq!(found("/p/target/debug/deps/echo-1f"), Some(Path::new("/p/target")));
        assert_eq!(found("/p/target/x86_64-unknown-linux-gnu/debug/deps/echo-1f"), Some(Path::new("/p/target")));
        assert_eq!(found("/p/target"), None, "the program itself is no folder");
        assert_eq!(found("/tmp/echo-1f"), None);
        let marked = |folder: &Path| folder == Path::new("/p/target/llvm-cov-target");
        let program = Path::new("/p/target/llvm-cov-target/debug/deps/echo-1f");
        assert_eq!(target_around(program, marked), Some(Path::new("/p/target/llvm-cov-target")));
    }
}
