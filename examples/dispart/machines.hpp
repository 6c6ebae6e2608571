#pragma once
// Where clusters come from: any of the formats that are read, told apart by what is in the file.

#include <filesystem>

#include "dispart/cluster/graph.hpp"
#include "dispart/core/result.hpp"

namespace cli {

// A cluster from our JSON, `kubectl get nodes -o json`, a SimGrid platform or hwloc's XML.
dispart::result<dispart::cluster> load_cluster(const std::filesystem::path& path);

}  // namespace cli
