//! Data files of games, read from a directory at the start.

use std::io;
use std::path::Path;

use tickstone_shared::sim::assets::Assets;

use super::AppError;

/// Reads the maps of a directory.
pub(super) fn read(dir: &Path, assets: &mut Assets) -> Result<(), AppError> {
    let failed = |path: &Path, error: io::Error| AppError::Assets {
        path: path.display().to_string(),
        problem: error.to_string(),
    };
    let maps = dir.join("maps");
    for entry in std::fs::read_dir(&maps).map_err(|error| failed(&maps, error))? {
        let path = entry.map_err(|error| failed(&maps, error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            assets.insert(format!("maps/{name}"), text);
        }
    }
    Ok(())
}
