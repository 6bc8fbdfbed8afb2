package peer;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;

/**
 * The peer around the AWS Encryption SDK for Java: JSON lines in on standard input, answers on file descriptor 3 (see PROTOCOL.md).
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws IOException {
    Operations operations = new Operations();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
    try (OutputStream out = new FileOutputStream("/dev/fd/3")) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.write((answer(operations, line) + "\n").getBytes(StandardCharsets.UTF_8));
        out.flush();
      }
    }
  }

  private static JsonObject answer(Operations operations, String line) {
    JsonElement id = JsonNull.INSTANCE;
    Failure failure;
    try {
      JsonObject r = parse(line);
      JsonElement given = r.get("id");
      if (given != null && given.isJsonPrimitive() && !given.getAsJsonPrimitive().isBoolean()) {
        id = given;
      }
      JsonObject out = operations.run(new Fields(r, "the request"));
      out.add("id", id);
      out.addProperty("ok", true);
      return out;
    } catch (Failure f) {
      failure = f;
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      failure = Failure.from("internal", e);
    }
    JsonObject error = new JsonObject();
    error.addProperty("kind", failure.kind);
    error.addProperty("text", failure.getMessage());
    JsonObject out = new JsonObject();
    out.add("id", id);
    out.addProperty("ok", false);
    out.add("error", error);
    return out;
  }

  private static JsonObject parse(String line) {
    try {
      JsonReader reader = new JsonReader(new StringReader(line));
      reader.setStrictness(Strictness.STRICT);
      JsonElement e = JsonParser.parseReader(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT || !e.isJsonObject()) {
        throw Failure.bad("not one JSON object");
      }
      return e.getAsJsonObject();
    } catch (JsonParseException | IOException e) {
      throw Failure.bad("not JSON");
    }
  }
}
