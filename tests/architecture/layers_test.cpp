// The may-include table of layers.txt, held against every #include of every header of the library.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/paths.hpp"

namespace {

namespace fs = std::filesystem;
using words = std::set<std::string>;

struct layer_table {
    std::map<std::string, words> rooms;    // room, folder or file -> rooms that it may include
    std::map<std::string, words> foreign;  // prefix of an include -> folders where it is allowed
};

layer_table read_table(std::istream& in) {
    layer_table table;
    for (std::string line, key; std::getline(in, line);) {
        std::istringstream fields(line);
        if (!(fields >> key) || key[0] == '#') continue;
        words values;
        for (std::string value; fields >> value;) values.insert(value);
        if (key[0] == '<') table.foreign[key.substr(1)] = values;
        else table.rooms[key] = values;
    }
    return table;
}

bool lies_in(const std::string& path, const std::string& folder) {
    return path == folder || path.starts_with(folder + "/");
}

std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// The value of the longest key for which `matches(key)`, or nullptr.
template <class Matches>
const words* longest(const std::map<std::string, words>& table, Matches matches) {
    const std::pair<const std::string, words>* best = nullptr;
    for (const auto& entry : table) {
        if (matches(entry.first) && (best == nullptr || entry.first.size() > best->first.size()))
            best = &entry;
    }
    return best == nullptr ? nullptr : &best->second;
}

bool foreign_allowed(const layer_table& table, const std::string& header, const std::string& included) {
    const words* where =
        longest(table.foreign, [&](const std::string& key) { return included.starts_with(key); });
    if (where == nullptr) return included.starts_with("dispart/") || included.find('/') == std::string::npos;
    if (where->contains("everywhere")) return true;
    return std::any_of(where->begin(), where->end(),
                       [&](const std::string& folder) { return lies_in(header, folder); });
}

bool room_allowed(const layer_table& table, const std::string& header, const std::string& included) {
    const std::string room = room_of(included);
    const words* allowed = longest(table.rooms, [&](const std::string& key) { return lies_in(header, key); });
    return allowed != nullptr && (room == room_of(header) || room == "core" || allowed->contains(room));
}

/// What is wrong with `header` (a path below include/dispart) including `included`, or an empty string.
std::string offence(const layer_table& table, const std::string& header, const std::string& included) {
    if (!foreign_allowed(table, header, included)) return header + " may not include <" + included + ">";
    if (!included.starts_with("dispart/")) return "";
    const std::string ours = included.substr(std::string("dispart/").size());
    if (!room_allowed(table, header, ours))
        return header + " may not include room " + room_of(ours) + ": " + ours;
    return "";
}

std::vector<std::string> includes_of(std::istream& in) {
    static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"].*)");
    std::vector<std::string> found;
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
        if (std::regex_match(line, match, include)) found.push_back(match[1]);
    }
    return found;
}

layer_table our_table() {
    std::ifstream in(fs::path(dispart::test::source_folder) / "tests/architecture/layers.txt");
    return read_table(in);
}

TEST_CASE("every include of every header is allowed by the table") {
    const layer_table table = our_table();
    const fs::path root = fs::path(dispart::test::source_folder) / "include/dispart";
    std::size_t headers = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const std::string header = entry.path().lexically_relative(root).generic_string();
        if (entry.path().extension() != ".hpp" || header == "dispart.hpp") continue;
        ++headers;
        std::ifstream in(entry.path());
        for (const std::string& included : includes_of(in)) CHECK_EQ(offence(table, header, included), "");
    }
    CHECK(headers > 0);
}

TEST_CASE("every room stands in the table") {
    const layer_table table = our_table();
    for (const auto& entry :
         fs::directory_iterator(fs::path(dispart::test::source_folder) / "include/dispart")) {
        if (entry.is_directory())
            CHECK_MESSAGE(table.rooms.contains(entry.path().filename().string()), entry.path());
    }
}

TEST_CASE("the table has no cycle") {
    words placed;
    for (auto rooms = our_table().rooms; !rooms.empty();) {
        const auto ready = std::find_if(rooms.begin(), rooms.end(), [&](const auto& room) {
            return std::includes(placed.begin(), placed.end(), room.second.begin(), room.second.end());
        });
        REQUIRE_MESSAGE(ready != rooms.end(),
                        "rooms that include each other, among them " << rooms.begin()->first);
        placed.insert(ready->first);
        rooms.erase(ready);
    }
}

TEST_CASE("the check finds what breaks the table") {
    const layer_table table = our_table();
    const auto refused = [&](const char* header, const char* included) {
        return !offence(table, header, included).empty();
    };
    CHECK_FALSE(refused("model/zoo/vgg.hpp", "dispart/tensor/shape.hpp"));
    CHECK_FALSE(refused("model/zoo/vgg.hpp", "dispart/model/graph.hpp"));
    CHECK_FALSE(refused("model/zoo/vgg.hpp", "dispart/core/ids.hpp"));
    CHECK(refused("model/zoo/vgg.hpp", "dispart/cluster/graph.hpp"));
    CHECK(refused("core/ids.hpp", "dispart/tensor/shape.hpp"));
    CHECK(refused("plan/plan.hpp", "dispart/io/dot.hpp"));
    CHECK_FALSE(refused("problem/build.hpp", "dispart/cost/concepts.hpp"));
    CHECK(refused("problem/instance.hpp", "dispart/cost/concepts.hpp"));
    CHECK(refused("cellar/wine.hpp", "dispart/core/ids.hpp"));
    CHECK_FALSE(refused("run/asio/tcp.hpp", "boost/asio/ip/tcp.hpp"));
    CHECK(refused("run/worker.hpp", "boost/asio/ip/tcp.hpp"));
    CHECK(refused("run/worker.hpp", "dispart/run/asio/tcp.hpp"));
    CHECK(refused("io/dot.hpp", "nlohmann/json.hpp"));
    CHECK(refused("io/dot.hpp", "dispart/io/json/plan.hpp"));
    CHECK_FALSE(refused("io/json/plan.hpp", "nlohmann/json.hpp"));
    CHECK(refused("core/ids.hpp", "fmt/format.h"));
    CHECK_FALSE(refused("core/ids.hpp", "vector"));
}

TEST_CASE("includes are read in either form") {
    std::istringstream in(
        "#pragma once\n  #  include <a/b.hpp>  // why\n#include \"c.hpp\"\n// #include <no.hpp>\n");
    CHECK(includes_of(in) == std::vector<std::string>{"a/b.hpp", "c.hpp"});
}

}  // namespace
