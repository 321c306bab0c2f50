//! Records as bytes: labels, metadata, and the log of samples that are in no finished chunk.

use crate::chunk::{Encoder, Samples};
use crate::metadata::{Metadata, MetricType};
use promql::{Labels, Sample};
use std::sync::Arc;

/// What part of a series samples in the log are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They continue what the log has of the series.
    Tail = 1,
    /// They may be anywhere.
    Late = 2,
}

/// Samples of one series in the log.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub uid: u64,
    pub kind: Kind,
    count: u32,
    bytes: &'a [u8],
}

impl Entry<'_> {
    pub(super) fn samples(&self) -> impl Iterator<Item = Sample> {
        Samples::new(self.bytes, self.count)
    }
}

/// Appends samples, which must rise in time, to a block of the log.
pub(super) fn push_entry(block: &mut Vec<u8>, uid: u64, kind: Kind, samples: &[Sample]) {
    let Some((first, rest)) = samples.split_first() else { return };
    let mut encoder = Encoder::new(*first);
    rest.iter().for_each(|sample| encoder.push(*sample));
    let (bytes, summary) = encoder.seal();
    block.extend(uid.to_le_bytes());
    block.push(kind as u8);
    block.extend(summary.samples.to_le_bytes());
    push_bytes(block, &bytes);
}

/// The entries of a block of the log.
pub(super) fn entries(block: &[u8]) -> Result<Vec<Entry<'_>>, &'static str> {
    let mut reader = Reader(block);
    let mut entries = Vec::new();
    while !reader.0.is_empty() {
        entries.push(reader.entry().ok_or("a block of the log is malformed")?);
    }
    Ok(entries)
}

/// A label set as bytes.
pub(super) fn write_labels(labels: &Labels) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels.iter() {
        push_bytes(&mut out, name.as_bytes());
        push_bytes(&mut out, value.as_bytes());
    }
    out
}

/// A label set from bytes.
pub(super) fn read_labels(bytes: &[u8]) -> Result<Labels, &'static str> {
    let mut reader = Reader(bytes);
    let mut pairs: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    while !reader.0.is_empty() {
        let pair = reader.text().zip(reader.text()).ok_or("the labels of a series are malformed")?;
        pairs.push((pair.0.into(), pair.1.into()));
    }
    Ok(Labels::from_shared(pairs))
}

/// Metadata as bytes.
pub(super) fn write_metadata(metadata: &Metadata) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [metadata.kind.as_str(), &metadata.help, &metadata.unit] {
        push_bytes(&mut out, text.as_bytes());
    }
    out
}

/// Metadata from bytes.
pub(super) fn read_metadata(bytes: &[u8]) -> Result<Metadata, &'static str> {
    let mut reader = Reader(bytes);
    let metadata = (|| {
        let kind = MetricType::from_name(reader.text()?)?;
        Some(Metadata { kind, help: reader.text()?.to_owned(), unit: reader.text()?.to_owned() })
    })();
    metadata.filter(|_| reader.0.is_empty()).ok_or("the metadata of a metric is malformed")
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // No label, help text or entry comes near four gigabytes: requests are bounded far below.
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn entry(&mut self) -> Option<Entry<'a>> {
        let uid = u64::from_le_bytes(self.array()?);
        let kind = match self.array::<1>()? {
            [1] => Kind::Tail,
            [2] => Kind::Late,
            _ => return None,
        };
        let count = u32::from_le_bytes(self.array()?);
        let bytes = self.bytes()?;
        Samples::new(bytes, count).checked()?;
        Some(Entry { uid, kind, count, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(count: i64) -> Vec<Sample> {
        (0..count).map(|t| Sample { t: t * 1_000, v: t as f64 }).collect()
    }

    #[test]
    fn a_block_holds_entries_in_their_order() {
        let mut block = Vec::new();
        push_entry(&mut block, 7, Kind::Tail, &samples(5));
        push_entry(&mut block, 8, Kind::Late, &[]);
        push_entry(&mut block, u64::MAX, Kind::Late, &samples(1));
        let found = entries(&block).unwrap();
        assert_eq!(
            found.iter().map(|e| (e.uid, e.kind)).collect::<Vec<_>>(),
            [(7, Kind::Tail), (u64::MAX, Kind::Late)]
        );
        assert_eq!(found[0].samples().collect::<Vec<_>>(), samples(5));
        for length in 1..block.len() {
            let cut = entries(&block[..length]);
            assert!(cut.is_err() || cut.is_ok_and(|e| e.len() == 1), "cut at {length}");
        }
    }

    #[test]
    fn labels_and_metadata_survive() {
        let labels = Labels::new([("__name__", "a b"), ("é", "\n\0")]);
        assert_eq!(read_labels(&write_labels(&labels)), Ok(labels));
        for kind in [MetricType::Counter, MetricType::StateSet, MetricType::Unknown] {
            let metadata = Metadata { kind, help: "Größe".into(), unit: "bytes".into() };
            assert_eq!(read_metadata(&write_metadata(&metadata)), Ok(metadata));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn garbage_is_refused_or_read_but_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(found) = entries(&bytes) {
                prop_assert!(found.iter().all(|e| e.samples().count() == e.count as usize));
            }
            let _ = (read_labels(&bytes), read_metadata(&bytes));
        }
    }
}
