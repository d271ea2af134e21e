//! How much work coding sound may be.

/// Of a computer's time, for the sake of how sound survives losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// All that helps: networks for redundancy (DRED) and concealment.
    #[default]
    Full,
    /// Without networks.
    Less,
    /// The least that carries a voice.
    Least,
}

impl Effort {
    /// One step down, if there is one.
    pub fn less(self) -> Effort {
        match self {
            Effort::Full => Effort::Less,
            Effort::Less | Effort::Least => Effort::Least,
        }
    }

    /// One step up, if there is one.
    pub fn more(self) -> Effort {
        match self {
            Effort::Full | Effort::Less => Effort::Full,
            Effort::Least => Effort::Less,
        }
    }
}
