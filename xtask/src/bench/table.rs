//! Tables in Markdown, aligned so that they read well as text, too.

/// Renders rows under a header; the first column to the left, the others to the right.
pub(super) fn render(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count(), 3]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut out = line(header.iter().copied(), &widths);
    let rule = widths.iter().enumerate().map(|(column, &width)| {
        if column == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
    });
    let rule: Vec<String> = rule.collect();
    out.push_str(&line(rule.iter().map(String::as_str), &widths));
    for row in rows {
        out.push_str(&line(row.iter().map(String::as_str), &widths));
    }
    out
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let cells = cells.zip(widths).enumerate().map(|(column, (cell, &width))| {
        if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["untraced".into(), "354".into()], vec!["µ".into(), "1,066".into()]];
        assert_eq!(
            render(&["", "kill"], &rows),
            "|          |  kill |\n\
             | -------- | ----: |\n\
             | untraced |   354 |\n\
             | µ        | 1,066 |\n"
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        let numbers = [0, 999, 1000, 36_511, 1_234_567];
        assert_eq!(numbers.map(thousands), ["0", "999", "1,000", "36,511", "1,234,567"]);
    }
}
