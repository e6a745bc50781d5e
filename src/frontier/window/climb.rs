//! The climb after a cut: fast to just below what was too much, slowly past it, then faster.
//!
//! The curve is CUBIC's (RFC 9438 4.2), over responses instead of over time.

/// A climb that remembers what was too much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    /// The safe height, where the curve is flat.
    plateau: f64,
    /// How far below the plateau it starts, as a share of it.
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

    /// Takes one step up and returns the new height.
    pub(super) fn step(&mut self) -> f64 {
        self.steps += 1.0;
        self.height()
    }

    pub(super) fn height(&self) -> f64 {
        let along = self.steps / self.span - 1.0;
        self.plateau * (1.0 + self.depth * along.powi(3))
    }
}
