package peer;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A JSON object whose members are read with a check of their type. */
final class Fields {
  private final JsonObject object;

  Fields(JsonElement e, String what) {
    if (e == null || !e.isJsonObject()) {
      throw Failure.bad(what + " is not an object");
    }
    object = e.getAsJsonObject();
  }

  void only(String... names) {
    Set<String> allowed = new HashSet<>(Arrays.asList(names));
    for (String f : object.keySet()) {
      if (!allowed.contains(f)) {
        throw Failure.bad("the unknown field \"" + f + "\"");
      }
    }
  }

  boolean has(String name) {
    return object.has(name);
  }

  JsonElement raw(String name) {
    JsonElement e = object.get(name);
    if (e == null || e.isJsonNull()) {
      throw Failure.bad(name + " is missing");
    }
    return e;
  }

  private JsonPrimitive primitive(String name) {
    JsonElement e = raw(name);
    if (!e.isJsonPrimitive()) {
      throw Failure.bad(name + " has the wrong type");
    }
    return e.getAsJsonPrimitive();
  }

  String text(String name) {
    JsonPrimitive p = primitive(name);
    if (!p.isString()) {
      throw Failure.bad(name + " has the wrong type");
    }
    return p.getAsString();
  }

  int integer(String name) {
    JsonPrimitive p = primitive(name);
    try {
      if (p.isNumber()) {
        return p.getAsBigDecimal().intValueExact();
      }
    } catch (ArithmeticException | NumberFormatException e) {
      throw new Failure("unsupported", name + " does not fit into 32 bits");
    }
    throw Failure.bad(name + " has the wrong type");
  }

  byte[] bytes(String name) {
    try {
      return Base64.getDecoder().decode(text(name));
    } catch (IllegalArgumentException e) {
      throw Failure.bad(name + " is not base64");
    }
  }

  /** The value of the table that the member names. */
  <T> T choice(Map<String, T> table, String name) {
    T v = table.get(text(name));
    if (v == null) {
      throw Failure.bad("unknown " + name);
    }
    return v;
  }

  /** An object of strings; empty when absent. */
  Map<String, String> strings(String name) {
    Map<String, String> out = new HashMap<>();
    if (has(name)) {
      JsonElement e = raw(name);
      if (!e.isJsonObject()) {
        throw Failure.bad(name + " has the wrong type");
      }
      Fields f = new Fields(e, name);
      for (String k : f.object.keySet()) {
        out.put(k, f.text(k));
      }
    }
    return out;
  }

  /** An array; empty when absent. */
  List<JsonElement> list(String name) {
    List<JsonElement> out = new ArrayList<>();
    if (has(name)) {
      JsonElement e = raw(name);
      if (!e.isJsonArray()) {
        throw Failure.bad(name + " has the wrong type");
      }
      e.getAsJsonArray().forEach(out::add);
    }
    return out;
  }
}
