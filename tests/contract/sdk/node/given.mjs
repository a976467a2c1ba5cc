// What the test passed in, and the answer it reads: one JSON document on stdout.
// A stream is answered line by line instead, and then with nothing more.
export const given = JSON.parse(process.argv[2]);

export function answer(value) {
  if (value !== undefined) process.stdout.write(JSON.stringify(value));
}

// Status and message of an expected failure; anything else that goes wrong ends the script.
export async function failure(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? error.statusCode ?? null, message: String(error.message) };
  }
  throw new Error("this was expected to fail");
}

// Writes each piece of text on a line of its own as soon as it is there; the test lets the provider send the next one only then.
export async function tell(stream, read) {
  for await (const piece of stream) {
    const text = read(piece);
    if (text) process.stdout.write(`${JSON.stringify(text)}\n`);
  }
}
