const dark = `
  --ink: #e6e9ed; --faint: #9aa7b3; --back: #161d26; --card: #1f2934; --line: #35424f;
  --red: #ff7a70; --yellow: #f5c451; --green: #4fc27a; --grey: #93a0ad;`;

/** The same style for the widget and the page. The class names are unique to the tiles. */
export const style = `
.s1 {
  --ink: #16191f; --faint: #566371; --back: #ffffff; --card: #f7f8f9; --line: #d5dbe1;
  --red: #c7271b; --yellow: #9a6700; --green: #1d7f3f; --grey: #5f6b77;
  background: var(--back); color: var(--ink); font: 13px/1.4 "Amazon Ember", "Helvetica Neue", Roboto, Arial, sans-serif;
  padding: 8px;
}
.s1-dark {${dark} }
@media (prefers-color-scheme: dark) { .s1-auto {${dark} } }
.s1 .s1-red { --level: var(--red); } .s1 .s1-yellow { --level: var(--yellow); }
.s1 .s1-green { --level: var(--green); } .s1 .s1-grey { --level: var(--grey); }
.s1-summary { align-items: center; display: flex; flex-wrap: wrap; gap: 6px 10px; margin-bottom: 8px; }
.s1-summary strong { font-size: 16px; }
.s1-summary a { color: inherit; cursor: pointer; text-decoration: none; }
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
.s1-host { color: var(--faint); display: block; margin-bottom: 2px; overflow-wrap: anywhere; }
.s1-dot { background: var(--level); border-radius: 50%; display: inline-block; height: 8px; margin-right: 5px; width: 8px; }
.s1 table { border-collapse: collapse; color: inherit; font: inherit; width: 100%; }
.s1 th { font-weight: 400; text-align: left; }
.s1 th, .s1 td { padding: 0 8px 0 0; vertical-align: top; }
.s1 th, .s1 td.s1-word { white-space: nowrap; }
.s1 td { color: var(--faint); }
.s1 td:last-child { padding: 0; text-align: right; }
.s1 td.s1-word { color: var(--level); }
.s1-trouble { border-top: 1px solid var(--line); margin-top: 4px; overflow-wrap: anywhere; padding-top: 4px; }
.s1-trouble span, .s1-token { color: var(--faint); }
.s1-remedy { color: var(--faint); }
.s1-token { margin-top: 4px; }
.s1-token.s1-soon { color: var(--yellow); }
.s1-list { display: grid; gap: 3px 10px; grid-template-columns: repeat(auto-fill, minmax(165px, 1fr)); }
.s1-small { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.s1-small em { color: var(--level); font-style: normal; }
.s1-small.s1-green em { color: var(--faint); }
`;
