// How many workgroups a device runs at once, whatever they take: those of the first wave wait longer than it takes them all to begin, so that what the
// first one then finds is how many they are.

// Workgroups that have begun; how many had when the first one ended; two zeros, which no compiler knows.
@group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> room: array<u32, ROOM>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  room[thread + atomicLoad(&counts[2])] = thread;
  workgroupBarrier();
  if (thread == 0u) {
    atomicAdd(&counts[0], 1u);
    var begun = 0u;
    for (var i = 0u; i < POLLS; i++) { begun = max(begun, atomicLoad(&counts[0])); }
    atomicMin(&counts[1], begun + room[atomicLoad(&counts[3])]);
  }
}
