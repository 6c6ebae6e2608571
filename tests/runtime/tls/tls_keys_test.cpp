#include "dispart/run/tls/tls_keys.hpp"

#include <sys/stat.h>

#include "runtime/tls/keys.hpp"

using namespace dispart;
using test::keys;

TEST_CASE("tls_keys: every file is its owner's alone, and nothing is overwritten") {
    namespace fs = std::filesystem;
    std::size_t files = 0;
    for (const auto& each : fs::recursive_directory_iterator(keys() / "home")) {
        struct stat about {};
        REQUIRE(::stat(each.path().c_str(), &about) == 0);
        CHECK((about.st_mode & 077U) == 0);
        files += each.is_regular_file() ? 1 : 0;
    }
    CHECK(files == 2 + 3 * 6);
    CHECK(make_tls_authority(keys() / "home").error().code == errc::io_error);
    CHECK(make_tls_node(keys() / "home", {.name = "w0"}).error().code == errc::io_error);
    CHECK(make_psk(keys() / "psk").error().code == errc::io_error);
    CHECK(make_tls_node(keys() / "nowhere", {.name = "w0"}).error().code == errc::not_found);
}

TEST_CASE("tls_keys: names that would leave the folder, or say more than a name") {
    for (const char* name : {"", "..", "../w0", "a/b", "w0,DNS:gateway", "a b", "-x", "a\nb"}) {
        CAPTURE(name);
        CHECK(make_tls_node(keys() / "home", {.name = name}).error().code == errc::invalid_argument);
        CHECK(make_tls_node(keys() / "home", {.name = "x", .hosts = {name}}).error().code ==
              errc::invalid_argument);
    }
}
