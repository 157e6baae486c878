use super::image::{ImageReference, TaggedImage};
use super::{Repository, StorageError, files};
use crate::names::now;

/// How long after a scan ECR does not scan an image again, in milliseconds.
const SCAN_INTERVAL: u64 = 24 * 60 * 60 * 1000;

impl Repository {
    /// Notes that an image is scanned now. Blocks.
    ///
    /// # Errors
    /// [`StorageError::ScannedAlready`] within 24 hours after the last scan;
    /// [`StorageError::NotScannable`] for an index.
    pub(crate) fn scan(&self, reference: &ImageReference) -> Result<TaggedImage, StorageError> {
        let mut state = self.state()?;
        let mut named = self.image_in(&state, reference)?;
        let image = &mut named.image;
        if !image.is_scannable() {
            return Err(StorageError::NotScannable {
                media_type: image.media_type.clone(),
            });
        }
        let now = now();
        if image
            .scanned_at
            .is_some_and(|last| now.saturating_sub(last) < SCAN_INTERVAL)
        {
            return Err(StorageError::ScannedAlready);
        }
        image.scanned_at = Some(now);
        let path = self.image_path(&image.digest).with_extension("json");
        files::write_json(&self.temporary, &path, image)?;
        state.images.insert(image.digest.clone(), image.clone());
        Ok(named)
    }

    /// That an image which `reference` names was never scanned.
    pub(crate) fn scan_not_found(&self, reference: &ImageReference) -> StorageError {
        let (digest, tag) = reference.parts();
        StorageError::ScanNotFound {
            account: self.account.clone(),
            name: self.name.clone(),
            digest: digest.to_owned(),
            tag: tag.to_owned(),
        }
    }
}
