#include "dispart/io/json/value.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/temporary.hpp"

using namespace dispart;

namespace {

struct point {
    double x = 0.0;
    std::uint8_t small = 0;
    std::int8_t signed_small = 0;
    bool flag = false;
    std::string text{};
    bytes size{};
    std::vector<std::string> names{};
    std::map<std::string, double> table{};
};

result<point> read_point(const std::string& text) {
    DISPART_TRY(const io::json value, io::parse_json(text));
    point p;
    io::json_object in(value, "");
    in.get("x", p.x);
    in.maybe("small", p.small);
    in.maybe("signed_small", p.signed_small);
    in.maybe("flag", p.flag);
    in.maybe("text", p.text);
    in.maybe("size_bytes", p.size);
    in.maybe("names", p.names);
    in.maybe("table", p.table);
    DISPART_CHECK(in.finish());
    return p;
}

error wrong_value(const std::string& text) {
    const auto p = read_point(text);
    REQUIRE_FALSE(p);
    return p.error();
}

}  // namespace

TEST_CASE("fields are read into their types") {
    const auto p = read_point(R"({"x": -1.5, "small": 255, "signed_small": -128, "flag": true, "text": "t",
                                  "size_bytes": "2 KiB", "names": ["a", "b"], "table": {"k": 3}})");
    if (!p) FAIL(to_string(p.error()));
    CHECK(p->x == -1.5);
    CHECK(p->small == 255);
    CHECK(p->signed_small == -128);
    CHECK(p->flag);
    CHECK(p->text == "t");
    CHECK(p->size == 2_KiB);
    CHECK(p->names == std::vector<std::string>{"a", "b"});
    CHECK(p->table.at("k") == 3.0);
    CHECK(read_point(R"({"x": 1})")->text.empty());
}

TEST_CASE("errors name the field by its path") {
    CHECK(wrong_value(R"({})").offender == "x");
    CHECK(wrong_value(R"({"x": "1"})").offender == "x");
    CHECK(wrong_value(R"({"x": null})").offender == "x");
    CHECK(wrong_value(R"({"x": 1, "small": 256})").offender == "small");
    CHECK(wrong_value(R"({"x": 1, "small": -1})").offender == "small");
    CHECK(wrong_value(R"({"x": 1, "small": 1.5})").offender == "small");
    CHECK(wrong_value(R"({"x": 1, "signed_small": -129})").offender == "signed_small");
    CHECK(wrong_value(R"({"x": 1, "flag": 1})").offender == "flag");
    CHECK(wrong_value(R"({"x": 1, "size_bytes": "2 ms"})").offender == "size_bytes");
    CHECK(wrong_value(R"({"x": 1, "size_bytes": []})").offender == "size_bytes");
    CHECK(wrong_value(R"({"x": 1, "names": ["a", 2]})").offender == "names[1]");
    CHECK(wrong_value(R"({"x": 1, "names": "a"})").offender == "names");
    CHECK(wrong_value(R"({"x": 1, "table": {"k": "v"}})").offender == "table.k");
    CHECK(wrong_value("[]").offender == "the document");
    const auto typo = wrong_value(R"({"x": 1, "size_byte": 4})");
    CHECK(typo.offender == "size_byte");
    CHECK(typo.hint == "did you mean 'size_bytes'?");
    CHECK(wrong_value(R"({"x": 1, "quaternion": 4})").hint.empty());
}

TEST_CASE("texts that are not JSON, too deep, too long, or ambiguous") {
    CHECK(wrong_value("{").code == errc::parse_error);
    CHECK(wrong_value("").code == errc::parse_error);
    CHECK(wrong_value("{\"x\": NaN}").code == errc::parse_error);
    CHECK(wrong_value("{\"x\": 1e999}").code == errc::parse_error);
    CHECK(wrong_value("{\"x\": \"\xff\"}").code == errc::parse_error);
    CHECK(wrong_value(R"({"x": 1, "x": 2})").message.find("'x' occurs twice") != std::string::npos);
    CHECK(wrong_value(R"({"x": 1, "table": {"a": 1, "a": 2}})").message.find("'a' occurs twice") !=
          std::string::npos);
    CHECK(wrong_value(std::string(100000, '[')).code == errc::limit_exceeded);
    CHECK(io::parse_json(std::string(60, '[') + std::string(60, ']')));
    CHECK(io::parse_json("[\"" + std::string(100, '[') + "\\\"[\"]"));
    CHECK(io::parse_json("[1,2,3]", "list", {.bytes = 6}).error().code == errc::limit_exceeded);
}

TEST_CASE("files") {
    const test::temporary_folder folder;
    const auto path = folder / "a.json";
    REQUIRE(io::write_json(path, {{"b", 1}, {"a", {1, 2}}}));
    CHECK(io::read_text(path).value().find("\"b\"") < io::read_text(path).value().find("\"a\""));
    CHECK(io::read_json(path).value()["a"][1] == 2);
    CHECK(io::read_json(folder / "none.json").error().code == errc::not_found);
    REQUIRE(io::write_text(path, "{"));
    CHECK(io::read_json(path).error().offender == path.string());
    CHECK(io::json_text("\xff").find("\xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("the closest name is suggested") {
    const std::vector<std::string> names{"latency_s", "bandwidth_bytes_per_s", "name"};
    CHECK(io::suggestion("latency", names) == "did you mean 'latency_s'?");
    CHECK(io::suggestion("bandwith_bytes_per_s", names) == "did you mean 'bandwidth_bytes_per_s'?");
    CHECK(io::suggestion("bandwidth", names) == "did you mean 'bandwidth_bytes_per_s'?");
    CHECK(io::suggestion("zzz", names).empty());
    CHECK(io::suggestion("", {}).empty());
}
