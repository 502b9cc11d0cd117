// The page "configuration".
export function Page() {
  return <p>configuration</p>;
}
