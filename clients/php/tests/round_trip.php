<?php

// Loads every generated class as composer.json maps it, and sends a message through bytes and through JSON.
// The protobuf runtime is found on PHP's include path.

declare(strict_types=1);

use Google\Protobuf\Internal\Message;
use LlmGateway\V1\ChatMessage;
use LlmGateway\V1\GenerateRequest;
use LlmGateway\V1\Heartbeat;
use LlmGateway\V1\Part;
use LlmGateway\V1\Role;
use LlmGateway\V1\Sampling;
use LlmGateway\V1\Usage;

$root = dirname(__DIR__);
$folders = json_decode(file_get_contents("$root/composer.json"), true, flags: JSON_THROW_ON_ERROR)['autoload']['psr-4'];

set_error_handler(function (int $level, string $message, string $file, int $line): bool {
    // Old runtimes create properties in ways that PHP 8.2 deprecates.
    if ($level === E_DEPRECATED) {
        return true;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});

spl_autoload_register(function (string $class) use ($root, $folders): void {
    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            require $root . '/' . $folder . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
            return;
        }
    }
    $file = stream_resolve_include_path(strtr($class, '\\', '/') . '.php');
    if ($file !== false) {
        require $file;
    }
});

function expect(bool $holds, string $what): void
{
    if (!$holds) {
        fwrite(STDERR, "$what\n");
        exit(1);
    }
}

$count = 0;
foreach ($folders as $prefix => $folder) {
    $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator("$root/$folder", FilesystemIterator::SKIP_DOTS));
    foreach ($files as $file) {
        $relative = substr($file->getPathname(), strlen("$root/$folder"), -strlen('.php'));
        $class = $prefix . strtr($relative, '/', '\\');
        // The client's base class comes with PHP's gRPC extension.
        if ($class !== 'LlmGateway\V1\LLMGatewayClient' || class_exists('Grpc\BaseStub')) {
            expect(class_exists($class), "no class $class in " . $file->getPathname());
            if (is_subclass_of($class, Message::class)) {
                new $class(); // which reads its descriptor
            }
            $count++;
        }
    }
}
expect($count > 0, 'there is no generated class');

$request = new GenerateRequest();
$request->setModel('mock/echo');
$request->setMessages([(new ChatMessage())->setRole(Role::ROLE_USER)->setParts([(new Part())->setText('Grüße')])]);
$request->setSampling((new Sampling())->setTemperature(0.5));
$request->setMaxOutputTokenCount(0);
$request->setLabels(['team' => 'platform']);
$request->setMaxCostUsdNanos(PHP_INT_MAX);

$read = new GenerateRequest();
$read->mergeFromString($request->serializeToString());
expect($read->getMessages()[0]->getParts()[0]->getText() === 'Grüße', 'the text changed on its way through bytes');
expect($read->getMessages()[0]->getParts()[0]->getContent() === 'text', 'the oneof is not told');
expect($read->hasMaxOutputTokenCount() && !$read->hasCandidateCount(), 'an optional 0 is told from none by nothing');
expect($read->getMaxCostUsdNanos() === PHP_INT_MAX, 'a 64-bit integer changed on its way through bytes');
expect($read->getLabels()['team'] === 'platform', 'the map changed on its way through bytes');

$json = json_decode($read->serializeToJsonString(), true, flags: JSON_THROW_ON_ERROR);
expect($json['sampling']['temperature'] === 0.5, 'the JSON is another message');
expect($json['messages'][0]['role'] === 'ROLE_USER', 'the JSON has another role');

// A Usage read as an empty message keeps what it does not know.
$usage = (new Usage())->setInputTokenCount(7)->serializeToString();
$empty = new Heartbeat();
$empty->mergeFromString($usage);
expect($empty->serializeToString() === $usage, 'an unknown field is lost');

echo "$count classes loaded\n";
