//! The climb back after a cut: quickly to a little below where it was too much, slowly past it, and faster again when
//! nothing happens. The curve is CUBIC's (RFC 9438 4.2), over what was answered instead of over time.

/// A way up that remembers where it was too much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    /// The last that was safe: where the curve is flat.
    plateau: f64,
    /// How far below the plateau it begins, as a share of it.
    depth: f64,
    /// Steps until the plateau.
    span: f64,
    /// Steps taken.
    steps: f64,
}

impl Climb {
    pub(super) fn to(plateau: f64, depth: f64, span: f64) -> Self {
        Self {
            plateau,
            depth,
            span,
            steps: 0.0,
        }
    }

    /// One step up. Answers with the height.
    pub(super) fn step(&mut self) -> f64 {
        self.steps += 1.0;
        self.height()
    }

    pub(super) fn height(&self) -> f64 {
        let along = self.steps / self.span - 1.0;
        self.plateau * (1.0 + self.depth * along.powi(3))
    }
}
