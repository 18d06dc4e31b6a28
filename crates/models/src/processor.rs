//! What the processor can do, as far as the choice of a precision depends on it.

use std::collections::BTreeSet;

/// The instruction sets that the operating system lets programs use, by their names in Linux's `/proc/cpuinfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Processor {
    features: BTreeSet<String>,
}

impl Processor {
    /// This machine's. Elsewhere than on Linux nothing is known: the runtime that would use it exists for Linux only.
    pub(crate) fn detect() -> Self {
        let text = if cfg!(target_os = "linux") {
            std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()
        } else {
            String::new()
        };
        Self::of_cpuinfo(&text)
    }

    /// The features that all processors of the listing have.
    pub(crate) fn of_cpuinfo(text: &str) -> Self {
        let listed = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim() == "flags")
            .map(|(_, flags)| flags.split_whitespace().map(str::to_owned).collect());
        let features = listed
            .reduce(|all: BTreeSet<String>, one| all.intersection(&one).cloned().collect())
            .unwrap_or_default();
        Self { features }
    }

    /// Whether it multiplies matrices of bf16 by itself: then bf16 is three times as fast as fp32.
    pub(crate) fn has_bf16(&self) -> bool {
        self.has("amx_bf16") || self.has("avx512_bf16")
    }

    /// Whether OpenVINO can stand in for missing bf16 instructions: right, but slower than fp32.
    pub(crate) fn emulates_bf16(&self) -> bool {
        ["avx512f", "avx512bw", "avx512dq", "avx512vl"]
            .iter()
            .all(|feature| self.has(feature))
    }

    fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flags: &str) -> Processor {
        Processor::of_cpuinfo(&format!(
            "processor\t: 0\nmodel name\t: Some Processor amx_bf16\nflags\t\t: fpu {flags} sse2\nbugs\t\t: none\n"
        ))
    }

    #[test]
    fn bf16_needs_an_instruction_set_that_has_it() {
        assert!(with("avx2 avx512f amx_tile amx_bf16").has_bf16());
        assert!(with("avx512f avx512_bf16").has_bf16());
        // Cascade Lake, of which the model's name alone says otherwise.
        let cascade_lake = with("avx2 avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni");
        assert!(!cascade_lake.has_bf16() && cascade_lake.emulates_bf16());
        assert!(!with("avx2 amx_tile amx_int8").has_bf16());
        assert!(!with("avx2").emulates_bf16());
    }

    #[test]
    fn a_feature_counts_where_every_processor_has_it() {
        let mixed = "processor : 0\nflags : avx2 amx_bf16\n\nprocessor : 1\nflags : avx2\n";
        assert!(!Processor::of_cpuinfo(mixed).has_bf16());
        for odd in ["", "flags", "flags :", "Features : bf16\n"] {
            assert_eq!(Processor::of_cpuinfo(odd), Processor::default(), "{odd:?}");
        }
    }
}
