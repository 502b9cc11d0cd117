// The page "overview".
export function Page() {
  return <p>overview</p>;
}
