//! `haul schema`: prints the JSON Schema of what haul writes or reads.

use clap::{Args, ValueEnum};

/// The arguments of `haul schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// What the schema describes
    #[arg(value_enum)]
    of: Described,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Described {
    /// A record in JSON Lines
    Record,
    /// An object of --progress json
    Progress,
    /// A recipe; the line "#:schema FILE" at its top makes editors check it
    Recipe,
}

impl SchemaArguments {
    /// The schema; it says itself which draft it follows.
    pub(super) fn text(&self) -> String {
        match self.of {
            Described::Record => haul::sink::SCHEMA,
            Described::Progress => {
                include_str!("../../docs/src/reference/progress.schema.json")
            }
            Described::Recipe => include_str!("../../docs/src/reference/recipe.schema.json"),
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SchemaArguments,
    }

    #[test]
    fn every_schema_is_one_and_ends_its_line() {
        for described in Described::value_variants() {
            let name = described.to_possible_value().unwrap();
            let line = Line::parse_from(["schema", name.get_name()]);
            let text = line.arguments.text();
            let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(jsonschema::validator_for(&schema).is_ok(), "{schema}");
            assert!(text.ends_with("}\n"), "{}", name.get_name());
        }
    }
}
