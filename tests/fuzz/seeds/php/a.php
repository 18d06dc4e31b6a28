<?php
class Lamp {
  function colour() { return "green"; }
}
?>
<p>html</p>
