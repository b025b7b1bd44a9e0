#!/usr/bin/env python3
"""Writes a dashboard as TypeScript that compiles only if Grafana's published types allow it.

    scripts/dashboard_types.py FILE.json >check.ts

The dashboard is a constant. Its type has `unknown` for the options and the fields of a panel, so
each of these is a separate constant with the type for that kind of panel.
"""

import json
import sys

RAW = "./node_modules/@grafana/schema/dist/types/raw"

HEAD = f"""\
import type {{ Dashboard, Panel }} from "{RAW}/dashboard/x/dashboard_types.gen";
import type * as stat from "{RAW}/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeseries from "{RAW}/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has strings where TypeScript has members of enumerations.
type Json<T> = T extends string ? `${{T}}`
    : T extends (infer Item)[] ? Json<Item>[]
    : T extends object ? {{ [Key in keyof T]: Json<T[Key]> }}
    : T;
"""

# The kinds of panels in the dashboard: the types of their options and of their fields.
KINDS = {
    "row": (None, None),
    "stat": ("Partial<stat.Options>", None),
    "timeseries": ("timeseries.Options", "timeseries.FieldConfig"),
}


def panels(of):
    for panel in of:
        yield panel
        yield from panels(panel.get("panels", []))


def constants(dashboard):
    yield "Dashboard", dashboard
    for panel in panels(dashboard["panels"]):
        options, fields = KINDS[panel["type"]]
        if options:
            yield "Panel", panel
            yield options, panel["options"]
        if fields:
            yield fields, panel["fieldConfig"]["defaults"].get("custom", {})


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        dashboard = json.load(file)
    print(HEAD)
    for number, (kind, value) in enumerate(constants(dashboard)):
        print(f"export const c{number}: Json<{kind}> = {json.dumps(value)};")


if __name__ == "__main__":
    main()
