//! What xtask keeps between runs: `$SIGTRACE_CACHE`, else the user's cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Written into every entry: what it was made from. An entry with another recipe is made anew.
const RECIPE: &str = ".recipe";

/// The cache folder. Its entries are whole or not there: each is made beside its place and renamed.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Finds the cache folder and creates it.
    pub(crate) fn open() -> Result<Self> {
        let dir = locate(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
            .context("no place for the cache: set SIGTRACE_CACHE or HOME")?;
        fs::create_dir_all(&dir)
            .with_context(|| format!("creating the cache folder {}", dir.display()))?;
        // Programs of other folders get paths into the cache, so they must not depend on ours.
        let dir = dir.canonicalize().with_context(|| format!("resolving {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// The path of something in the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Waits until no other xtask changes the cache; the lock ends with the file.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.path("lock");
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("Waiting for another xtask to finish with {}", self.dir.display());
            file.lock().with_context(|| format!("locking {}", path.display()))?;
        }
        Ok(file)
    }

    /// The entry `name`, if it is there and made by `recipe`.
    pub(crate) fn get(&self, name: &str, recipe: &str) -> Option<PathBuf> {
        let path = self.path(name);
        let found = fs::read_to_string(path.join(RECIPE)).ok()?;
        (found == recipe).then_some(path)
    }

    /// The entry `name` made by `recipe`, filled by `make` when it is missing or out of date.
    pub(crate) fn entry(
        &self,
        name: &str,
        recipe: &str,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        if let Some(path) = self.get(name, recipe) {
            return Ok(path);
        }
        let new = self.scratch()?;
        make(new.path())?;
        fs::write(new.path().join(RECIPE), recipe)?;
        let path = self.path(name);
        self.replace(&new.keep(), &path)
            .with_context(|| format!("putting {} into place", path.display()))?;
        Ok(path)
    }

    /// A folder inside the cache that goes away by itself; same file system, so it can be renamed.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir> {
        tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&self.dir)
            .with_context(|| format!("creating a folder in {}", self.dir.display()))
    }

    fn replace(&self, new: &Path, path: &Path) -> Result<()> {
        // A private folder, as temporary ones are, would keep sudo-less tools out of a root-made
        // one.
        fs::set_permissions(new, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
        if path.exists() {
            let old = self.scratch()?;
            fs::rename(path, old.path().join("old"))?;
        }
        Ok(fs::rename(new, path)?)
    }
}

fn locate(var: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    if let Some(own) = var("SIGTRACE_CACHE") {
        return Some(own.into());
    }
    let base = var("XDG_CACHE_HOME").map(PathBuf::from);
    Some(base.or_else(|| Some(PathBuf::from(var("HOME")?).join(".cache")))?.join("sigtrace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { dir: dir.path().into() };
        (dir, cache)
    }

    #[test]
    fn the_cache_is_where_the_user_says() {
        let vars = |set: &'static [&'static str]| {
            move |name: &str| set.contains(&name).then(|| format!("/{name}").into())
        };
        let found = |set| locate(vars(set));
        let all = &["SIGTRACE_CACHE", "XDG_CACHE_HOME", "HOME"];
        assert_eq!(found(all), Some("/SIGTRACE_CACHE".into()));
        assert_eq!(found(&all[1..]), Some("/XDG_CACHE_HOME/sigtrace".into()));
        assert_eq!(found(&all[2..]), Some("/HOME/.cache/sigtrace".into()));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn an_entry_is_made_once_per_recipe() {
        let (_dir, cache) = cache();
        let make = |text: &'static str| {
            move |path: &Path| fs::write(path.join("it"), text).map_err(anyhow::Error::from)
        };
        let path = cache.entry("a/b", "1", make("first")).unwrap();
        cache.entry("a/b", "1", make("never")).unwrap();
        assert_eq!(fs::read_to_string(path.join("it")).unwrap(), "first");
        cache.entry("a/b", "2", make("second")).unwrap();
        assert_eq!(fs::read_to_string(path.join("it")).unwrap(), "second");
    }

    #[test]
    fn a_failed_entry_leaves_nothing() {
        let (dir, cache) = cache();
        let result = cache.entry("half", "1", |path| {
            fs::write(path.join("it"), "half")?;
            anyhow::bail!("the network went away")
        });
        assert!(result.is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
