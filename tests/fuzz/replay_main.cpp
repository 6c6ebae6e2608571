// Drives a fuzz target without libFuzzer: every file of the folders named on the command line, then a bounded number of
// deterministic mutations of each. The input at work is kept in <target>.current, so that a crash leaves it behind; an
// input that takes more than ten seconds ends the run.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;
namespace fs = std::filesystem;

#ifndef DISPART_FUZZ_MUTATIONS
#define DISPART_FUZZ_MUTATIONS 4000
#endif
constexpr std::size_t mutations_in_all = DISPART_FUZZ_MUTATIONS;

std::vector<fs::path> files_of(const std::vector<fs::path>& folders) {
    std::vector<fs::path> files;
    for (const fs::path& folder : folders) {
        if (!fs::is_directory(folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

bytes read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class mutator {
  public:
    explicit mutator(std::uint64_t seed) : random_(seed) {}

    bytes operator()(bytes data) {
        for (std::size_t edits = 1 + below(4); edits != 0; --edits) edit(data);
        return data;
    }

  private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

    void edit(bytes& data) {
        static constexpr std::uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, '"', '{', '-', '9'};
        if (data.empty()) data.push_back(static_cast<std::uint8_t>(random_()));
        const std::size_t at = below(data.size());
        const auto here = data.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t length = 1 + below(std::min<std::size_t>(16, data.size() - at));
        switch (below(6)) {
        case 0:
            data[at] = static_cast<std::uint8_t>(data[at] ^ (1u << below(8)));
            break;
        case 1:
            data[at] = edges[below(std::size(edges))];
            break;
        case 2:
            data.resize(at);
            break;
        case 3:
            data.erase(here, here + static_cast<std::ptrdiff_t>(length));
            break;
        case 4:
            std::fill_n(here, length, edges[below(std::size(edges))]);
            break;
        default: {
            const bytes chunk(here, here + static_cast<std::ptrdiff_t>(length));
            const auto to = static_cast<std::ptrdiff_t>(below(data.size() + 1));
            data.insert(data.begin() + to, chunk.begin(), chunk.end());
        }
        }
    }

    std::mt19937_64 random_;
};

void run(const bytes& data, const std::string& current) {
    std::ofstream(current, std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
    alarm(10);
    LLVMFuzzerTestOneInput(data.data(), data.size());
    alarm(0);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string current = fs::path(argv[0]).filename().string() + ".current";
    std::vector<bytes> seeds{bytes{}};
    for (const fs::path& file : files_of({argv + 1, argv + argc})) seeds.push_back(read(file));
    for (const bytes& seed : seeds) run(seed, current);

    const std::size_t each = std::max<std::size_t>(1, mutations_in_all / seeds.size());
    for (std::size_t i = 0; i != seeds.size(); ++i) {
        mutator mutate(i);
        for (std::size_t n = 0; n != each; ++n) run(mutate(seeds[i]), current);
    }
    fs::remove(current);
    std::printf("%zu inputs and %zu mutations of each: no crash\n", seeds.size(), each);
}
