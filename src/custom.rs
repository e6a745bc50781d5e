//! What a program's own extractor returned for a page: a value of the program's own type.

use std::any::Any;

/// What a program's own extractor returned for a page; empty where it was not asked.
#[derive(Debug, Default)]
pub struct Custom(Option<Box<dyn Any + Send + Sync>>);

impl Custom {
    /// Holds a value.
    pub(crate) fn of(value: Box<dyn Any + Send + Sync>) -> Self {
        Self(Some(value))
    }

    /// The value, where there is one and it is of this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }

    /// Takes the value out, where there is one and it is of this type.
    pub fn take<T: 'static>(&mut self) -> Option<T> {
        match self.0.take()?.downcast() {
            Ok(value) => Some(*value),
            Err(other) => {
                self.0 = Some(other);
                None
            }
        }
    }
}
