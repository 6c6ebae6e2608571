#include "dispart/partition/registry.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "support/paths.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

TEST_CASE("every name is found, unique, and solves a small instance") {
    const auto problem =
        test::tiny_instance(2, {0}, {{{4, 8}, {0}, {1}}, {{4, 8}, {1}, {1}}, {{9, 3}, {2}, {1}}});
    std::set<std::string_view> names;
    for (const auto& each : partitioners) {
        CHECK(names.insert(each.name).second);
        const auto found = find_partitioner(each.name);
        REQUIRE(found);
        CHECK(!found->about.empty());
        const auto division = (*found)(problem, objective::throughput);
        REQUIRE(division);
        CHECK(evaluate(problem, *division));
    }
    const auto unknown = find_partitioner("chian");
    REQUIRE(!unknown);
    CHECK(unknown.error().code == errc::not_found);
    CHECK(unknown.error().hint.find("chain-orders") != std::string::npos);
}

TEST_CASE("every partitioner that a header declares is in the table") {
    const std::filesystem::path room =
        std::filesystem::path(test::source_folder) / "include/dispart/partition";
    const std::regex declared(R"re(string_view name\(\) \{ return "([^"]+)"; \})re");
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(room)) {
        if (!file.is_regular_file()) continue;
        std::stringstream text;
        text << std::ifstream(file.path()).rdbuf();
        const std::string source = text.str();
        for (std::sregex_iterator it(source.begin(), source.end(), declared), end; it != end; ++it, ++count)
            CHECK_MESSAGE(find_partitioner((*it)[1].str()).has_value(), (*it)[1].str());
    }
    CHECK(count == partitioners.size());
}
