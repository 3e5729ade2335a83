// What the clients have in common: orders come as lines of JSON on standard input, what happens goes out as lines of
// JSON on standard output. An order is {who, act, ...}: `act` is a method of that person, who is made when first named.
// What happened is {who, event, ...}. The process ends with its standard input.
import { createInterface } from "node:readline";

export function serve(Person) {
  const people = new Map();
  const orders = createInterface({ input: process.stdin });
  orders.on("line", async (line) => {
    const { who, act, ...order } = JSON.parse(line);
    if (!people.has(who)) people.set(who, new Person((event, what = {}) => tell({ who, event, ...what })));
    await people.get(who)[act](order);
  });
  orders.on("close", () => process.exit(0));
}

function tell(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}
