// The page "partitions".
export function Page() {
  return <p>partitions</p>;
}
