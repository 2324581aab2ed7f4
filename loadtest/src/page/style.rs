//! How the page looks: one column on a phone, light or dark as the reader has it.

/// The style sheet.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #ffffff; --text: #1c1d1f; --soft: #63666b;
  --rule: #e1e2e4; --one: #1f6fb5; --two: #c4581b; --band: #f3e3da; --good: #1d7a46; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181b; --card: #1e2125; --text: #e8e9ea; --soft: #9da2a9;
  --rule: #34383d; --one: #6cb0ee; --two: #f0995f; --band: #3b2d26; --good: #6fcf97; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 12px 48px; }
h1 { font-size: 24px; margin: 0 0 2px; }
h2 { font-size: 17px; margin: 32px 0 10px; }
p { margin: 0 0 10px; }
.soft, small { color: var(--soft); font-weight: 400; }
.verdicts { list-style: none; margin: 16px 0 0; padding: 0; }
.verdicts li { padding: 6px 10px; margin: 0 0 6px; border-left: 4px solid var(--good); background: var(--card); overflow-wrap: anywhere; }
.verdicts b { margin-right: 8px; }
.good b { color: var(--good); }
.verdicts .bad { border-color: var(--bad); } .bad b { color: var(--bad); }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; }
section td:last-child { min-width: 17em; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 12px; }
figure { margin: 0; padding: 10px 8px 4px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
figcaption { font-weight: 600; font-size: 14px; padding: 0 4px 6px; }
.key { font-weight: 400; font-size: 13px; margin-left: 8px; white-space: nowrap; }
.key::before { content: \"\"; display: inline-block; width: 14px; height: 3px; margin-right: 5px; vertical-align: middle; }
.k0::before { background: var(--one); } .k1::before { background: var(--two); }
.none { color: var(--soft); padding: 40px 4px; text-align: center; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 10.5px; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.grid { stroke: var(--rule); stroke-width: 1; }
.band { fill: var(--band); }
path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.l0 { stroke: var(--one); } .l1 { stroke: var(--two); }
.bar { fill: var(--one); } .bar:hover { fill: var(--two); }
.at { fill: transparent; } .at:hover { fill: var(--soft); fill-opacity: 0.18; }
details summary { cursor: pointer; margin: 32px 0 10px; font-weight: 600; font-size: 17px; }
";
