const dark = `
  --ink: #e6e9ed; --faint: #9aa7b3; --back: #161d26; --card: #1f2934; --line: #35424f;
  --red: #ff7a70; --yellow: #f5c451; --green: #4fc27a; --grey: #93a0ad; --accent: #7cb8ff;`;

/** The same style for the widget and the page. The class names are unique to the tiles. */
export const style = `
.s1 {
  --ink: #16191f; --faint: #566371; --back: #ffffff; --card: #f7f8f9; --line: #d5dbe1;
  --red: #c7271b; --yellow: #8f5f00; --green: #1d7f3f; --grey: #5f6b77; --accent: #0b5cad;
  background: var(--back); color: var(--ink); font: 13px/1.4 "Amazon Ember", "Helvetica Neue", Roboto, Arial, sans-serif;
  box-sizing: border-box; min-height: 100%; padding: 8px;
}
.s1 a { color: var(--accent); }
.s1-dark {${dark} }
@media (prefers-color-scheme: dark) { .s1-auto {${dark} } }
.s1 .s1-red { --level: var(--red); } .s1 .s1-yellow { --level: var(--yellow); }
.s1 .s1-green { --level: var(--green); } .s1 .s1-grey { --level: var(--grey); }
.s1-summary { align-items: center; display: flex; flex-wrap: wrap; gap: 6px 10px; margin-bottom: 8px; }
.s1-summary strong { font-size: 16px; }
.s1 .s1-summary a, .s1 .s1-small a { color: inherit; }
.s1-summary a { cursor: pointer; text-decoration: none; }
.s1-summary b { border: 1px solid var(--level); border-radius: 12px; color: var(--level); padding: 1px 10px; white-space: nowrap; }
.s1-summary b.s1-picked { background: var(--level); color: var(--back); }
.s1-when { color: var(--faint); margin-left: auto; }
.s1 form { align-items: center; display: flex; flex-wrap: wrap; gap: 6px 12px; margin: 0 0 10px; }
.s1 label { color: var(--faint); }
.s1 input, .s1 select, .s1 button, .s1 .btn {
  background: var(--card); border: 1px solid var(--line); border-radius: 4px; color: var(--ink); cursor: pointer;
  font: inherit; padding: 2px 8px; text-decoration: none;
}
.s1 input { cursor: text; }
.s1-note { color: var(--faint); margin: 10px 0; }
.s1-open { display: grid; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 390px), 1fr)); margin-bottom: 10px; }
.s1-tile { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--level); border-radius: 4px; min-width: 0; padding: 6px 10px; }
.s1-head { align-items: baseline; display: flex; gap: 8px; justify-content: space-between; }
.s1-name { font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
.s1-badge { color: var(--level); font-weight: 600; white-space: nowrap; }
.s1-host { color: var(--faint); }
.s1-links { display: flex; flex-wrap: wrap; gap: 2px 14px; justify-content: space-between; margin-bottom: 4px; overflow-wrap: anywhere; }
.s1-causes { border: 1px solid var(--line); border-radius: 4px; margin-bottom: 10px; }
.s1-cause { border-left: 4px solid var(--level); display: flex; gap: 12px; overflow-wrap: anywhere; padding: 5px 10px; }
.s1-cause + .s1-cause { border-top: 1px solid var(--line); }
.s1-cause > div { flex: 1; min-width: 0; }
.s1-count { color: var(--level); font-size: 16px; min-width: 2em; text-align: right; }
.s1-names { color: var(--faint); }
.s1-names bdi { display: inline-block; margin-right: 6px; max-width: 100%; }
.s1-names details { display: inline; }
.s1-names summary { color: var(--accent); cursor: pointer; display: inline-block; }
.s1-command { background: var(--back); border: 1px solid var(--line); border-radius: 4px; color: var(--ink); font: 12px/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; display: inline-block; overflow-wrap: anywhere; padding: 0 5px; user-select: all; }
.s1-runbook { white-space: nowrap; }
.s1-dot { background: var(--level); border-radius: 50%; display: inline-block; height: 8px; margin-right: 5px; width: 8px; }
.s1 table { border-collapse: collapse; color: inherit; font: inherit; width: 100%; }
.s1 th { font-weight: 400; text-align: left; }
.s1 th, .s1 td { padding: 0 8px 0 0; vertical-align: top; }
.s1 th[scope=row] { white-space: nowrap; }
.s1 td, .s1 th[scope=col] { color: var(--faint); text-align: right; }
.s1 td { white-space: nowrap; }
.s1 th[scope=col] { font-size: 12px; }
.s1 td:last-child, .s1 th:last-child { padding: 0; }
.s1 td.s1-word { color: var(--level); text-align: left; }
@media (max-width: 380px) { .s1 td.s1-word { overflow-wrap: anywhere; white-space: normal; } }
.s1-trouble { border-top: 1px solid var(--line); margin-top: 4px; overflow-wrap: anywhere; padding-top: 4px; }
.s1-trouble span, .s1-token { color: var(--faint); }
.s1-remedy { color: var(--faint); }
.s1-token { margin-top: 4px; }
.s1-token.s1-soon { color: var(--yellow); }
.s1-list { display: grid; gap: 3px 10px; grid-template-columns: repeat(auto-fill, minmax(165px, 1fr)); }
.s1-small { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.s1-small a { cursor: pointer; text-decoration: none; }
.s1-small a:hover { text-decoration: underline; }
.s1-small em { color: var(--level); font-style: normal; }
.s1-small.s1-green em { color: var(--faint); }
`;
