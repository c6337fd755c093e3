// How many workgroups a device runs at once of a kernel that takes all that a workgroup can: memory, invocations, and registers, of which an invocation
// has REGISTERS numbers from before a barrier until after it. Those of the first wave wait longer than it takes them all to begin, so that what
// the first one then finds is how many they are.

// Workgroups that have begun; how many had when the first one ended; a zero, which no compiler knows.
@group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;

var<workgroup> room: array<u32, ROOM>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  let zero = atomicLoad(&counts[2]);
  for (var i = thread; i < ROOM; i += THREADS) { room[i + zero] = i; }
  workgroupBarrier();
  #repeat i REGISTERS
  let held$(i) = room[(thread * $(i+1)u + zero) % ROOM];
  #end
  if (thread == 0u) {
    atomicAdd(&counts[0], 1u);
    var begun = 0u;
    for (var i = 0u; i < POLLS; i++) { begun = max(begun, atomicLoad(&counts[0])); }
    atomicMin(&counts[1], begun);
  }
  workgroupBarrier();
  // The products are not known before, nor is their sum of any use.
  let factor = zero + thread;
  var sum = 0u;
  #repeat i REGISTERS
  sum = sum * factor + held$(i);
  #end
  room[(sum + zero) % ROOM] = sum;
  workgroupBarrier();
  if (room[thread + zero] == 0xffffffffu) { atomicAdd(&counts[3], 1u); }
}
