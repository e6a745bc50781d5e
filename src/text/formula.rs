//! Cells of tables that a spreadsheet would evaluate.

/// Whether a spreadsheet would evaluate a cell.
pub fn is_formula(cell: &[u8]) -> bool {
    match cell {
        [b'-', rest @ ..] => {
            rest.is_empty() || !rest.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        }
        [b'=' | b'+' | b'@' | b'\t' | b'\r' | b'\n', ..] => true,
        _ => false,
    }
}
