//! Where in a JSON text an error occurred.

use std::cell::RefCell;
use std::fmt;

/// The position of the reader in the text.
#[derive(Default)]
pub struct Path(RefCell<Vec<Step>>);

pub enum Step {
    Member(String),
    Element(usize),
}

impl Path {
    pub fn enter(&self, step: Step) {
        self.0.borrow_mut().push(step);
    }

    /// Not called after an error, which therefore names the position where it occurred.
    pub fn leave(&self) {
        self.0.borrow_mut().pop();
    }
}

/// `keys[3].idx: `. Empty at the top level.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.0.borrow();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Member(name) if number == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Element(index) => write!(f, "[{index}]")?,
            }
        }
        if steps.is_empty() { Ok(()) } else { f.write_str(": ") }
    }
}
